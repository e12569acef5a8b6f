/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One access, and how the values that are found for it become a verdict and reports. */
#ifndef HAUBERK_REQUEST_H
#define HAUBERK_REQUEST_H

#define HBK_TORN 0xffffffffU

/* One access, and what came out. */
struct request {
	__u64 source;
	__u64 dentry, mount; /* addresses */
	__u32 owner; /* uid of the file, or of the directory it is made in */
	__u32 slot;
	__u32 number; /* of a protocol or capability */
	__u32 policy; /* id of its map; out: of the one that was asked, HBK_TORN when it was not one */
	__u8 domain, side, op, how;
	__u8 type; /* of a socket */
	__u8 rules_only; /* posture does not count: the access is none of the model */
	__u8 gone; /* the file has no name any more */
	__u8 taken; /* its name is taken away, see hbk_judge() */
	/* out */
	__u8 denied, reason, lasting;
	__u8 sets;
	__u32 rule;
	__u32 set[HBK_SETS];
};

static __always_inline bool is_other(const struct request *r)
{
	return (__u32)bpf_get_current_uid_gid() != r->owner;
}

static __always_inline bool on_terminal(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct signal_struct *signal = NULL;
	struct tty_struct *tty = NULL;

	bpf_core_read(&signal, sizeof(signal), &task->signal);
	bpf_core_read(&tty, sizeof(tty), &signal->tty);
	return tty != NULL;
}

static __always_inline void add_set(struct request *r, __u32 number)
{
	__u32 at = r->sets;

	if (!number)
		return;
	r->lasting = 0;
	if (at >= HBK_SETS) {
		count(HBK_COUNT_UNTOLD);
		return;
	}
	r->set[at & (HBK_SETS - 1)] = number;
	r->sets = at + 1;
}

static __always_inline bool decides(const struct best *best)
{
	return best->deny || best->deny_other || best->deny_tty || best->pass;
}

static __always_inline void take(struct request *r, const struct hbk_value *value, struct best *best)
{
	const struct hbk_cell *cell = &value->cell[r->side & 1];

	add_set(r, cell->watch);
	if (cell->watch_other) {
		r->lasting = 0;
		if (is_other(r))
			add_set(r, cell->watch_other);
	}
	if (cell->watch_tty) {
		r->lasting = 0;
		if (on_terminal())
			add_set(r, cell->watch_tty);
	}
	if (cell->deny || cell->deny_other || cell->deny_tty || cell->pass) {
		best->deny = cell->deny;
		best->deny_other = cell->deny_other;
		best->deny_tty = cell->deny_tty;
		best->pass = cell->pass;
	}
}

/* Of equals that deny, the one with the smallest number is named (semantics 4.6). */
static __always_inline void rule(struct request *r, const struct best *best)
{
	__u32 named = best->deny;

	if (best->deny_other) {
		r->lasting = 0;
		if ((!named || best->deny_other < named) && is_other(r))
			named = best->deny_other;
	}
	if (best->deny_tty) {
		r->lasting = 0;
		if ((!named || best->deny_tty < named) && on_terminal())
			named = best->deny_tty;
	}
	r->reason = r->rules_only && r->side == HBK_CHANGE ? HBK_BY_GUARD : HBK_BY_RULE;
	r->denied = named != 0;
	r->rule = named ? named : best->pass;
}

static __always_inline void posture(struct request *r, const struct hbk_header *global)
{
	if (r->rules_only || !(global->flags & HBK_LISTED))
		return;
	r->reason = HBK_BY_POSTURE;
	r->denied = (global->flags & HBK_BLOCKS) != 0;
	r->lasting = 0;
}

static __always_inline void cannot_tell(struct request *r, __u32 counter)
{
	count(counter);
	r->denied = 1;
	r->lasting = 0;
	r->reason = HBK_CANNOT_TELL;
}

#endif
