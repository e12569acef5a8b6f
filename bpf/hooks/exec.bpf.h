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
#define FMODE_BACKING 0x2000000	/* 6.6 and later */
#define MAPPED 8		/* tells the tags of executable mappings from those of opens */

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

/* `ld.so program` reads the program and maps it: rules that block the program block the mapping. */
static __noinline int map(struct file *file, struct dentry *dentry, struct vfsmount *mount)
{
	const struct hbk_header *global;
	struct actor actor;
	__u64 tag;
	int ret;

	if (!asked(&actor, &ret) || actor.label->standing == HBK_ENTERING)
		return ret;
	global = header_of(actor.policy, HBK_PROCESS, 0);
	if (!global || !(global->flags & HBK_GUARDS))
		return 0;
	tag = tag_of(actor.label, dentry, mount, MAPPED, version_of(actor.policy));
	if (passed_before(file->f_inode, tag))
		return 0;
	{
		struct request r = {
			.domain = HBK_PROCESS,
			.op = HBK_OP_EXEC,
			.how = HBK_HOW_MAP,
			.rules_only = 1,
			.owner = file->f_inode->i_uid.val,
			.source = actor.label->source,
			.slot = actor.label->slot,
			.dentry = (__u64)dentry,
			.mount = (__u64)mount,
			.gone = nameless(dentry),
		};

		ret = judge(&r);
		if (!ret && r.lasting && seed.keep_passes)
			remember(file->f_inode, tag);
		return ret;
	}
}

SEC("lsm/mmap_file")
int BPF_PROG(hauberk_map, struct file *file, unsigned long reqprot, unsigned long prot, unsigned long flags, int ret)
{
	if (ret || !file || !(prot & PROT_EXEC))
		return ret;
	return map(file, file->f_path.dentry, file->f_path.mnt);
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
	return map(file, file->f_path.dentry, file->f_path.mnt);
}

#endif
