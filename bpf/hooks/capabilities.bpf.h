/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * capable, uring_override_creds. Only a task's own credentials count: while the kernel acts with borrowed ones (an
 * overlay with its mounter's), it is not the task that uses a capability. Since io_uring can borrow the credentials
 * that the task itself registered, doing so is refused where capabilities are ruled.
 */
#ifndef HAUBERK_CAPABILITIES_H
#define HAUBERK_CAPABILITIES_H

#define CAP_OPT_NOAUDIT 2 /* include/linux/security.h: a question whose answer is not an error */

SEC("lsm/capable")
int BPF_PROG(hauberk_capable, const struct cred *cred, void *namespace, int capability, unsigned int options, int ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct actor actor;

	if (ret)
		return ret;
	if (task->cred != task->real_cred || cred != task->cred)
		return 0;
	if (!asked(&actor, &ret) || actor.label->standing == HBK_ENTERING)
		return ret ? -EPERM : 0;
	{
		struct request r = {
			.domain = HBK_CAPABILITIES,
			.op = HBK_OP_CAPABILITY,
			.number = capability,
			.source = actor.label->source,
			.slot = actor.label->slot,
		};

		return judge_scalar(&r) ? -EPERM : 0;
	}
}

SEC("lsm/uring_override_creds")
int BPF_PROG(hauberk_personality, const struct cred *new, int ret)
{
	struct actor actor;

	if (ret)
		return ret;
	if (!asked(&actor, &ret) || actor.label->standing != HBK_INSIDE)
		return ret;
	if (!header_of(actor.policy, HBK_CAPABILITIES, 0))
		return 0;
	return denial() ? -EPERM : 0;
}

#endif
