/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The automaton of a domain's patterns, run over the path that was walked. */
#ifndef HAUBERK_PATTERNS_H
#define HAUBERK_PATTERNS_H

struct reading {
	void *automaton;
	struct working *w;
};

static __always_inline __u32 next_state(void *automaton, __u32 state, __u8 byte)
{
	struct hbk_state *row = bpf_map_lookup_elem(automaton, &state);

	return row ? row->next[byte] : 0;
}

/* One byte of one component; `left` components remain, and `at` counts from the slash before the name. */
static long read_byte(__u32 index, struct reading *reading)
{
	struct working *w = reading->w;
	__u32 at = w->at;
	__u8 byte = '/';

	if (!w->state)
		return 1;
	if (!at) {
		__u32 component, length;

		if (!w->left)
			return 1;
		w->left--;
		component = w->left & (HBK_COMPONENTS - 1);
		length = w->hash_len[component] >> 32;
		if (length > 255)
			length = 255;
		if (seed.fault & HBK_FAULT_PATTERN ||
		    bpf_probe_read_kernel(w->words, length & 255, w->name[component])) {
			w->unread = 1;
			return 1;
		}
		w->length = length;
	} else {
		byte = ((__u8 *)w->words)[(at - 1) & 255];
	}
	w->state = next_state(reading->automaton, w->state, byte);
	w->at = at < w->length ? at + 1 : 0;
	return 0;
}

/* The state of the domain's patterns after the path, nothing to go by when `w->unread`; `w->words` is used. */
static __always_inline __u32 read_path(struct working *w, const struct hbk_header *global, void **used)
{
	__u32 number = global->automaton;
	struct reading reading = {.w = w};

	*used = NULL;
	w->unread = 0;
	reading.automaton = bpf_map_lookup_elem(&automata, &number);
	if (!reading.automaton)
		return 0;
	*used = reading.automaton;
	if (!w->count)
		return next_state(reading.automaton, global->start, '/');
	w->state = global->start;
	w->left = w->count;
	w->at = 0;
	bpf_loop(HBK_PATH, read_byte, &reading, 0);
	return w->state;
}

#endif
