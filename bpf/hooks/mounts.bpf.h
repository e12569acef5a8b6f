/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sb_mount, move_mount, sb_pivotroot: they give files other names, so no task inside does that under a policy that
 * speaks of paths. A runtime on its way in may.
 */
#ifndef HAUBERK_MOUNTS_H
#define HAUBERK_MOUNTS_H

static __noinline int mounting(__u32 how)
{
	struct actor actor;
	int ret;

	if (!asked(&actor, &ret) || actor.label->standing != HBK_INSIDE)
		return ret;
	if (!header_of(actor.policy, HBK_FILE, 0) && !header_of(actor.policy, HBK_PROCESS, 0))
		return 0;
	{
		struct request r = {
			.op = HBK_OP_MOUNT,
			.how = how,
			.reason = HBK_BY_GUARD,
			.slot = actor.label->slot,
			.policy = actor.version,
		};

		return refuse(&r);
	}
}

SEC("lsm/sb_mount")
int BPF_PROG(hauberk_mount, const char *device, const struct path *path, const char *type, unsigned long flags,
	     void *data, int ret)
{
	return ret ? ret : mounting(HBK_HOW_NONE);
}

SEC("lsm/move_mount")
int BPF_PROG(hauberk_move_mount, const struct path *from, const struct path *to, int ret)
{
	return ret ? ret : mounting(HBK_HOW_MOVE_MOUNT);
}

SEC("lsm/sb_pivotroot")
int BPF_PROG(hauberk_pivot_root, const struct path *old, const struct path *new, int ret)
{
	return ret ? ret : mounting(HBK_HOW_PIVOT_ROOT);
}

#endif
