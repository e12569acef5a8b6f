/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * task_alloc: a child is who its parent is. ptrace_access_check, bpf: a confined task acts neither through others nor
 * on what confines it.
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
			.policy = actor.version,
		};

		return refuse(&r);
	}
}

/* include/uapi/linux/bpf.h, enum bpf_cmd: what gets hold of maps, programs and links of others */
#define BPF_OBJ_GET 7
#define BPF_PROG_GET_FD_BY_ID 13
#define BPF_MAP_GET_FD_BY_ID 14
#define BPF_LINK_GET_FD_BY_ID 30

/*
 * Without the previous result: 6.15 put another argument before it. A program before ours that refuses ends the call
 * by itself (arch/x86/net/bpf_jit_comp.c, invoke_bpf_mod_ret()).
 */
SEC("lsm/bpf")
int BPF_PROG(hauberk_bpf, int command)
{
	struct actor actor;
	int ret;

	if (command != BPF_OBJ_GET && command != BPF_PROG_GET_FD_BY_ID && command != BPF_MAP_GET_FD_BY_ID &&
	    command != BPF_LINK_GET_FD_BY_ID)
		return 0;
	if (!asked(&actor, &ret) || actor.label->standing != HBK_INSIDE)
		return ret;
	{
		struct request r = {
			.op = HBK_OP_BPF,
			.reason = HBK_BY_GUARD,
			.slot = actor.label->slot,
			.policy = actor.version,
		};

		return refuse(&r);
	}
}

#endif
