/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * task_alloc: a child is who its parent is. ptrace_access_check: a confined task does not act through others.
 */
#ifndef HAUBERK_TASKS_H
#define HAUBERK_TASKS_H

#define PTRACE_MODE_ATTACH 2 /* include/linux/ptrace.h */

SEC("lsm/task_alloc")
int BPF_PROG(hauberk_fork, struct task_struct *child, unsigned long clone_flags, int ret)
{
	struct hbk_label *label, *own;

	if (ret)
		return ret;
	label = acting();
	if (!label || label->standing == HBK_OUTSIDE)
		return 0; /* found on first sight: the child may start in another cgroup (CLONE_INTO_CGROUP) */
	own = bpf_task_storage_get(&labels, child, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!own) {
		count(HBK_COUNT_NO_STORAGE);
		return -ENOMEM;
	}
	*own = *label;
	return 0;
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(hauberk_ptrace, struct task_struct *child, unsigned int mode, int ret)
{
	struct hbk_label *other;
	struct actor actor;

	if (ret || !(mode & PTRACE_MODE_ATTACH))
		return ret;
	if (!asked(&actor, &ret) || actor.label->standing != HBK_INSIDE)
		return ret;
	other = bpf_task_storage_get(&labels, child, 0, 0);
	if (other && other->standing == HBK_INSIDE && other->slot == actor.label->slot)
		return 0;
	{
		struct request r = {
			.op = HBK_OP_PTRACE,
			.reason = HBK_BY_GUARD,
			.slot = actor.label->slot,
		};

		return refuse(&r);
	}
}

#endif
