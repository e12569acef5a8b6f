/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* All maps. Sizes marked "placeholder" are set by user space before loading. */
#ifndef HAUBERK_MAPS_H
#define HAUBERK_MAPS_H

_Static_assert(sizeof(struct hbk_value) == 64, "wire.py: VALUE_BYTES");
_Static_assert(sizeof(struct hbk_cell) == 32, "wire.py: CELL");
_Static_assert(sizeof(struct hbk_header) == 56, "wire.py: HEADER, with 8 bytes of padding");
_Static_assert(sizeof(struct hbk_state) == 520, "wire.py: STATE");

const volatile struct hbk_constants seed = {.version = HBK_VERSION};

/* hash of (what, domain, source) -> what rules say. Built aside and swapped in whole. */
struct hbk_policy {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* placeholder */
	__uint(key_size, sizeof(__u64));
	__uint(value_size, sizeof(struct hbk_value)); /* clang gives no type to what only an inner map names */
};

/* slot of a workload -> its policy; slot 0 is the node itself */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1024); /* placeholder */
	__type(key, __u32);
	__array(values, struct hbk_policy);
} policies SEC(".maps");

struct hbk_automaton {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP);
	__uint(max_entries, 1); /* placeholder */
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct hbk_state));
};

/* number that a header names -> automaton of a domain's patterns */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 4096); /* placeholder */
	__type(key, __u32);
	__array(values, struct hbk_automaton);
} automata SEC(".maps");

/* id of a cgroup -> workload */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024); /* placeholder */
	__type(key, __u64);
	__type(value, struct hbk_container);
} containers SEC(".maps");

/* A section of its own is a map of its own, which user space may write as a whole. */
volatile struct hbk_settings settings SEC(".data.settings");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct hbk_label);
} labels SEC(".maps");

/* what a hook answers for a task whose label could not be stored: [0] outside, [1] broken */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct hbk_label);
} spare_labels SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20); /* placeholder */
} records SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HBK_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

static __always_inline void count(__u32 which)
{
	__u64 *counter = bpf_map_lookup_elem(&counters, &which);

	if (counter)
		__sync_fetch_and_add(counter, 1);
}

/* What a hook answers for what is denied. */
static __always_inline int denial(void)
{
	count(HBK_COUNT_DENIED);
	return settings.observe ? 0 : -EACCES;
}

#endif
