/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What all hooks do: find who acts and under which policy, ask, report, answer. */
#ifndef HAUBERK_ACCESS_H
#define HAUBERK_ACCESS_H

struct actor {
	struct hbk_label *label;
	void *policy;
	__u32 version;
};

static __always_inline __u32 version_of(void *policy)
{
	return ((struct bpf_map *)policy)->id;
}

/*
 * True when the access is to be judged. False with `*answer` 0: nobody asks about this task; with -EACCES: the task
 * is in scope and its label could not be kept.
 */
static __always_inline bool asked(struct actor *actor, int *answer)
{
	struct hbk_label *label = acting();
	__u32 slot;

	*answer = 0;
	if (!label)
		return false;
	if (label->standing == HBK_BROKEN) {
		*answer = denial();
		return false;
	}
	slot = label->slot;
	actor->policy = bpf_map_lookup_elem(&policies, &slot);
	if (!actor->policy)
		return false;
	actor->label = label;
	actor->version = version_of(actor->policy);
	return true;
}

static __always_inline int answer(const struct request *r)
{
	if (!r->denied)
		return 0;
	return denial();
}

static __always_inline __u32 owner_of(const struct dentry *dentry)
{
	struct inode *inode = dentry->d_inode;

	return inode ? inode->i_uid.val : 0;
}

static __always_inline bool nameless(const struct dentry *dentry)
{
	/* deleted, or never linked (O_TMPFILE, memfd): fs/dcache.c, d_unhashed() */
	struct inode *inode = dentry->d_inode;

	return !dentry->d_hash.pprev && inode && inode->i_nlink == 0;
}

/* Reports a request that is refused whatever rules say. */
__noinline int hbk_refuse(struct request *r)
{
	__u32 index = 0, outcome = PATH_NONE;
	struct working *w;

	if (!r)
		return 0;
	r->denied = 1;
	w = borrow(&index);
	if (!w)
		return 0;
	w->count = 0;
	if (r->dentry)
		outcome = walk(index, r->dentry, r->mount);
	hbk_report(r, index, outcome);
	give_back(w);
	return 0;
}

static __always_inline int refuse(struct request *r)
{
	hbk_refuse(r);
	return denial();
}

/* Decides about a walked path. Apart from hbk_judge only to keep the stack of what reports small. */
__noinline int hbk_decide(struct request *r, __u32 index, __u32 outcome)
{
	struct working *w = working_set(index);
	const struct hbk_header *global;
	void *policy;
	__u32 slot;

	if (!r || !w)
		return 0;
	slot = r->slot;
	policy = bpf_map_lookup_elem(&policies, &slot);
	r->policy = 0;
	if (!policy)
		return 0;
	r->policy = version_of(policy);
	/* What a task runs was asked about when it started, on behalf of who started it, and is mapped after that. */
	if (r->how == HBK_HOW_MAP && outcome == PATH_FOUND && r->source && path_hash(w) == r->source)
		return 0;
	global = header_of(policy, r->domain, 0);
	if (global)
		judge_path(r, w, outcome, policy, global);
	return 0;
}

/*
 * A name that is taken away. Beyond the model: a program that rules block keeps its name, or it would run under
 * another one (enforcement.md, section 4). Asked as a source that stands for all that rules name, see encode.py.
 */
static __always_inline bool to_guard(struct request *r, struct working *w, __u32 outcome, void *policy)
{
	const struct hbk_header *global;

	if (!r->taken || r->denied || outcome != PATH_FOUND)
		return false;
	if (r->policy != version_of(policy)) {
		r->policy = HBK_TORN;
		return false;
	}
	global = header_of(policy, HBK_PROCESS, 0);
	if (!global || !(global->flags & HBK_GUARDS))
		return false;
	w->before_rule = r->rule;
	w->before_policy = r->policy;
	w->before_reason = r->reason;
	r->domain = HBK_PROCESS;
	r->side = HBK_CHANGE;
	r->rules_only = 1;
	r->source = seed.start;
	return true;
}

/*
 * Judges one name. 0, or -EACCES; `r->lasting` says whether a silent pass may be kept. When one policy took another's
 * place meanwhile and both let a part pass, `r->policy` is HBK_TORN: the caller asks again, or a name could pass that
 * either policy denies.
 */
__noinline int hbk_judge(struct request *r)
{
	__u32 slot, index = 0, outcome = PATH_NONE;
	struct working *w;
	void *policy;

	if (!r)
		return -EACCES;
	r->lasting = 1;
	r->policy = 0;
	slot = r->slot;
	policy = bpf_map_lookup_elem(&policies, &slot);
	if (!policy)
		return 0;
	r->policy = version_of(policy);
	if (!header_of(policy, r->domain, 0) && (!r->taken || !header_of(policy, HBK_PROCESS, 0)))
		return 0;
	w = borrow(&index);
	if (!w) {
		r->denied = 1;
		r->lasting = 0;
		return answer(r);
	}
	w->count = 0;
	w->namespace = NULL;
	if (!r->gone)
		outcome = walk(index, r->dentry, r->mount);
	/* in one place: the verifier of 7.x follows `r` into a function from each place that calls it */
	ONE_CALL
	for (int i = 0; i < 2; i++) {
		barrier_var(i);
		hbk_decide(r, index, outcome);
		if (!i) {
			if (!to_guard(r, w, outcome, policy))
				break;
			continue;
		}
		if (!r->denied) {
			r->rule = w->before_rule;
			r->reason = w->before_reason;
			if (r->policy != w->before_policy)
				r->policy = HBK_TORN;
		}
	}
	if (r->denied || outcome != PATH_FOUND || w->namespace != own_namespace())
		r->lasting = 0;
	if (reports(r) && r->policy != HBK_TORN)
		hbk_report(r, index, outcome);
	give_back(w);
	return answer(r);
}

/* The verifier knows nothing of what a global function answers, and takes 0 and -errno only. */
static __always_inline int judge(struct request *r)
{
	return hbk_judge(r) ? -EACCES : 0;
}

/* Decides about a socket or a capability. */
__noinline int hbk_decide_scalar(struct request *r)
{
	const struct hbk_header *global;
	void *policy;
	__u32 slot;

	if (!r)
		return 0;
	slot = r->slot;
	policy = bpf_map_lookup_elem(&policies, &slot);
	r->policy = 0;
	if (!policy)
		return 0;
	r->policy = version_of(policy);
	global = header_of(policy, r->domain, 0);
	if (global)
		judge_scalars(r, policy, global);
	return 0;
}

/* The same as hbk_judge for what has no name: sockets and capabilities. */
static __noinline int judge_scalar(struct request *r)
{
	struct working *w;
	__u32 index = 0;

	hbk_decide_scalar(r);
	if (!reports(r))
		return 0;
	w = borrow(&index);
	if (w) {
		w->count = 0;
		hbk_report(r, index, PATH_NONE);
		give_back(w);
	}
	return answer(r);
}

#endif
