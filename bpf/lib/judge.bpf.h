/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a policy says about one access: the rules of enforcer/kernel/encode.py, looked up in the order of
 * semantics.md 4.3. First those that name the source, then the others; in each: path, name, pattern, directory,
 * the longest. The first value with a verdict rule decides.
 */
#ifndef HAUBERK_JUDGE_H
#define HAUBERK_JUDGE_H

static __always_inline struct hbk_header *header_of(void *policy, __u32 domain, __u64 source)
{
	__u64 key = key_of(0, domain, HBK_HEADER, source);

	return bpf_map_lookup_elem(policy, &key);
}

struct descent {
	struct working *w;
	void *policy;
	struct request *r;
};

static __always_inline bool at_depth(__u64 mask, __u32 depth)
{
	return mask >> (depth < 63 ? depth : 63) & 1;
}

static long descend(__u32 depth, struct descent *d)
{
	struct working *w = d->w;
	struct request *r = d->r;
	__u32 left = w->count - depth; /* components below this directory */
	struct hbk_value *value;
	__u32 kind;
	__u64 key;

	if (depth > w->count)
		return 1;
	if (depth)
		w->folded = mix(w->folded, w->hash[left & (HBK_COMPONENTS - 1)]);
	kind = left <= 1 ? HBK_NEAR : HBK_FAR;
	if (at_depth(w->global_depths, depth)) {
		key = key_of(w->folded, r->domain, kind, 0);
		value = bpf_map_lookup_elem(d->policy, &key);
		if (value)
			take(r, value, &w->global);
	}
	if (at_depth(w->named_depths, depth)) {
		key = key_of(w->folded, r->domain, kind, r->source);
		value = bpf_map_lookup_elem(d->policy, &key);
		if (value)
			take(r, value, &w->named);
	}
	return 0;
}

static __always_inline void look(struct request *r, void *policy, __u64 what, __u32 kind, __u64 source,
				 struct best *best)
{
	__u64 key = key_of(what, r->domain, kind, source);
	struct hbk_value *value = bpf_map_lookup_elem(policy, &key);

	if (value)
		take(r, value, best);
}

/* A path that was walked; the answer is in `r`. */
static __always_inline void judge_walked(struct request *r, struct working *w, void *policy,
					 const struct hbk_header *global, const struct hbk_header *named)
{
	struct descent d = {.w = w, .policy = policy, .r = r};
	__u32 flags = global->flags | (named ? named->flags : 0);

	w->folded = seed.start;
	w->global_depths = global->dir_depths;
	w->named_depths = named ? named->dir_depths : 0;
	__builtin_memset(&w->named, 0, sizeof(w->named));
	__builtin_memset(&w->global, 0, sizeof(w->global));
	bpf_loop(HBK_COMPONENTS + 1, descend, &d, 0);
	/* from the weakest to the strongest: the last that says something stays */
	if (flags & HBK_GLOBS) {
		void *automaton;
		__u32 state = read_path(w, global, &automaton);
		struct hbk_state *row = automaton ? bpf_map_lookup_elem(automaton, &state) : NULL;

		if (w->unread) {
			cannot_tell(r, HBK_COUNT_NO_PATH);
			return;
		}
		if (row && row->accepts) {
			look(r, policy, row->accepts, HBK_GLOB, 0, &w->global);
			if (named)
				look(r, policy, row->accepts, HBK_GLOB, r->source, &w->named);
		}
	}
	if (flags & HBK_NAMES && w->count) {
		look(r, policy, w->hash[0], HBK_NAME, 0, &w->global);
		if (named)
			look(r, policy, w->hash[0], HBK_NAME, r->source, &w->named);
	}
	if (at_depth(global->exact_depths, w->count))
		look(r, policy, w->folded, HBK_EXACT, 0, &w->global);
	if (named && at_depth(named->exact_depths, w->count))
		look(r, policy, w->folded, HBK_EXACT, r->source, &w->named);
	if (decides(&w->named))
		rule(r, &w->named);
	else if (decides(&w->global))
		rule(r, &w->global);
	else
		posture(r, global);
}

/* filelessExec: programs in memory only (semantics 4.7). What it denies is denied whatever rules say. */
static __always_inline void in_memory(struct request *r, void *policy, const struct hbk_header *global,
				      struct working *w, __u32 outcome)
{
	if (!(global->flags & HBK_MEMORIES) || r->op != HBK_OP_EXEC || r->rules_only)
		return;
	if (outcome == PATH_FOUND) {
		__u64 hash = seed.start, key;

		if (w->count < 3)
			return;
		hash = mix(hash, w->hash[(w->count - 1) & (HBK_COMPONENTS - 1)]);
		hash = mix(hash, w->hash[(w->count - 2) & (HBK_COMPONENTS - 1)]);
		key = key_of(hash, HBK_PROCESS, HBK_MEMORY, 0);
		if (!bpf_map_lookup_elem(policy, &key))
			return;
	}
	add_set(r, global->memory_watch);
	if (!global->memory_deny)
		return;
	r->denied = 1;
	r->lasting = 0;
	r->reason = HBK_BY_RULE;
	r->rule = global->memory_deny;
}

/* Decides an access to a walked path or to none; reports are the caller's. */
static __always_inline void judge_path(struct request *r, struct working *w, __u32 outcome, void *policy,
				       const struct hbk_header *global)
{
	const struct hbk_header *named = r->source ? header_of(policy, r->domain, r->source) : NULL;

	/*
	 * On the node itself, runtimes run from mounts of no namespace (crun clones its own program so), and who can
	 * make such a mount there could unload all this as well: such a file counts as one without a path.
	 */
	if (outcome == PATH_DETACHED)
		outcome = r->slot ? PATH_UNKNOWN : PATH_NONE;
	if (outcome == PATH_UNKNOWN) {
		cannot_tell(r, w->count >= HBK_COMPONENTS ? HBK_COUNT_TOO_DEEP : HBK_COUNT_NO_PATH);
		return;
	}
	if (outcome == PATH_FOUND)
		judge_walked(r, w, policy, global, named);
	else if (r->domain == HBK_PROCESS) /* semantics 4.1: without a path, an exec goes to posture, a file passes */
		posture(r, global);
	in_memory(r, policy, global, w, outcome);
}

/* Networks and capabilities: masks say which types, protocols and capabilities have rules; type 0 is all of them. */
static __always_inline void look_for_scalars(struct request *r, void *policy, const struct hbk_header *header,
					     __u64 source, struct best *best)
{
	__u32 number = r->number, type = r->type;

	if (r->domain == HBK_CAPABILITIES) {
		if (at_depth(header->exact_depths, number))
			look(r, policy, number, HBK_CAPABILITY, source, best);
		return;
	}
	/* from the weakest to the strongest: the last that says something stays */
	if (header->dir_depths & 1)
		look(r, policy, 0, HBK_ALL, source, best);
	if (at_depth(header->dir_depths, type))
		look(r, policy, type, HBK_TYPE, source, best);
	if (at_depth(header->exact_depths, number))
		look(r, policy, number, HBK_PROTOCOL, source, best);
}

static __always_inline void judge_scalars(struct request *r, void *policy, const struct hbk_header *global)
{
	const struct hbk_header *named = r->source ? header_of(policy, r->domain, r->source) : NULL;
	struct best for_all = {}, for_source = {};

	look_for_scalars(r, policy, global, 0, &for_all);
	if (named)
		look_for_scalars(r, policy, named, r->source, &for_source);
	if (decides(&for_source))
		rule(r, &for_source);
	else if (decides(&for_all))
		rule(r, &for_all);
	else
		posture(r, global);
}

#endif
