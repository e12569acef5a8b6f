/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bprm_check_security, bprm_committed_creds, mmap_file, file_mprotect.
 *
 * The caller chooses the file, its name and the interpreter: each program of a chain is asked about by itself, with
 * the task that calls exec as source. Programs without a name (memfd, deleted) go to posture and presets.
 */
#ifndef HAUBERK_EXEC_H
#define HAUBERK_EXEC_H

#define PROT_EXEC 4
/* FMODE_BACKING is bit 25 from 6.6 on and was seen as bit 24 on 6.12 and later; it goes with FMODE_NOACCOUNT. */
#define FMODE_BACKING (3 << 24)
#define MAPPED 8 /* tells the tags of executable mappings from those of opens */

/* include/linux/fs.h: what an overlay's mapping holds, and the name it was opened by */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct backing_file {
	struct file file;
	struct path user_path;
};
#pragma clang attribute pop

SEC("lsm/bprm_check_security")
int BPF_PROG(hauberk_exec, struct linux_binprm *bprm, int ret)
{
	struct file *file = bprm->file;
	struct actor actor;

	if (ret)
		return ret;
	if (!asked(&actor, &ret))
		return ret;
	{
		struct request r = {
			.domain = HBK_PROCESS,
			.op = HBK_OP_EXEC,
			.owner = file->f_inode->i_uid.val,
			.source = actor.label->source,
			.slot = actor.label->slot,
			.dentry = (__u64)file->f_path.dentry,
			.mount = (__u64)file->f_path.mnt,
			.gone = nameless(file->f_path.dentry),
		};

		return judge(&r);
	}
}

/* From here on the task acts as its new program; who was entering is inside. */
SEC("lsm/bprm_committed_creds")
int BPF_PROG(hauberk_executed, struct linux_binprm *bprm)
{
	struct hbk_label *label = acting();
	struct executable executable = {};

	if (!label || label->standing == HBK_BROKEN)
		return 0;
	hbk_executable(&executable);
	label->source = executable.hash;
	if (label->standing == HBK_ENTERING)
		label->standing = HBK_INSIDE;
	return 0;
}

/* True when a mapping of programs is to be judged: some rules block one. */
static __always_inline bool maps_matter(struct actor *actor, int *answer)
{
	const struct hbk_header *global;

	if (!asked(actor, answer) || actor->label->standing == HBK_ENTERING)
		return false;
	global = header_of(actor->policy, HBK_PROCESS, 0);
	return global && global->flags & HBK_GUARDS;
}

/* `ld.so program` reads the program and maps it: rules that block the program block the mapping. */
static __noinline int judge_map(struct hbk_label *label, struct file *file, __u64 dentry, __u64 mount, __u64 tag)
{
	struct request r = {
		.domain = HBK_PROCESS,
		.op = HBK_OP_EXEC,
		.how = HBK_HOW_MAP,
		.rules_only = 1,
		.owner = file->f_inode->i_uid.val,
		.source = label->source,
		.slot = label->slot,
		.dentry = dentry,
		.mount = mount,
		.gone = nameless(file->f_path.dentry),
	};
	int ret = judge(&r);

	if (!ret && r.lasting && tag && seed.keep_passes)
		remember(file->f_inode, tag);
	return ret;
}

static __noinline int map(struct file *file)
{
	struct dentry *dentry = file->f_path.dentry;
	struct vfsmount *mount = file->f_path.mnt;
	struct actor actor;
	__u64 tag;
	int ret;

	if (!maps_matter(&actor, &ret))
		return ret;
	tag = tag_of(actor.label, dentry, mount, MAPPED, actor.version);
	if (passed_before(file->f_inode, tag))
		return 0;
	return judge_map(actor.label, file, (__u64)dentry, (__u64)mount, tag);
}

/* What an overlay maps is the file of a layer; the name it was opened by stands beside it (6.6 and later). */
static __noinline int map_backing(struct file *file)
{
	struct backing_file *backing = (void *)file;
	struct dentry *dentry = NULL;
	struct vfsmount *mount = NULL;
	struct actor actor;
	int ret;

	if (!maps_matter(&actor, &ret))
		return ret;
	bpf_core_read(&dentry, sizeof(dentry), &backing->user_path.dentry);
	bpf_core_read(&mount, sizeof(mount), &backing->user_path.mnt);
	return judge_map(actor.label, file, (__u64)dentry, (__u64)mount, 0);
}

SEC("lsm/mmap_file")
int BPF_PROG(hauberk_map, struct file *file, unsigned long reqprot, unsigned long prot, unsigned long flags, int ret)
{
	if (ret || !file || !(prot & PROT_EXEC))
		return ret;
	return map(file);
}

SEC("lsm/file_mprotect")
int BPF_PROG(hauberk_mprotect, struct vm_area_struct *vma, unsigned long reqprot, unsigned long prot, int ret)
{
	struct file *file;

	if (ret || !(prot & PROT_EXEC))
		return ret;
	file = vma->vm_file;
	if (!file)
		return 0;
	if (bpf_core_type_exists(struct backing_file) && file->f_mode & IS_BACKING && file->f_mode & FMODE_BACKING)
		return map_backing(file);
	return map(file);
}

#endif
