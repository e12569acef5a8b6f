/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * file_open, file_truncate, path_{truncate,mknod,mkdir,symlink,unlink,rmdir,chmod,chown}; renames.bpf.h has the others.
 *
 * The caller chooses every name; what is judged is the entry that the kernel resolved. A name that cannot be told
 * is denied under a policy that speaks of files. The second open of an overlay's backing file is the mounter's and
 * not judged: the overlay's own file was, just before.
 */
#ifndef HAUBERK_FILES_H
#define HAUBERK_FILES_H

#define FMODE_READ 1 /* include/linux/fs.h */
#define FMODE_WRITE 2

/*
 * Policies took each other's place whenever this access was judged, so that no single one let it pass. Apart, as its
 * callers are deep in a stack of 512 bytes.
 */
static __noinline int torn(void)
{
	count(HBK_COUNT_TORN);
	return denial();
}

/* Both halves of an open, each judged if it is asked for; `r->policy` is HBK_TORN when two policies let them pass. */
static __always_inline int judge_open(struct request *r, __u32 mode)
{
	bool reads = !(mode & FMODE_WRITE) || mode & FMODE_READ;
	__u32 lasting = 1, policy = 0;

	if (reads) {
		r->op = HBK_OP_READ;
		r->side = HBK_READ;
		if (judge(r))
			return -EACCES;
		lasting = r->lasting;
		policy = r->policy;
	}
	if (mode & FMODE_WRITE) {
		r->op = HBK_OP_WRITE;
		r->side = HBK_CHANGE;
		r->sets = 0;
		r->reason = 0;
		r->rule = 0;
		if (judge(r))
			return -EACCES;
		r->lasting &= lasting;
		if (reads && r->policy != policy)
			r->policy = HBK_TORN;
	}
	return 0;
}

static __noinline int open_unseen(struct actor *actor, struct file *file, __u64 tag)
{
	struct dentry *dentry = file->f_path.dentry;

	for (int i = 0; i < TRIES; i++) {
		struct request r = {
			.domain = HBK_FILE,
			.source = actor->label->source,
			.slot = actor->label->slot,
			.owner = file->f_inode->i_uid.val,
			.dentry = (__u64)dentry,
			.mount = (__u64)file->f_path.mnt,
			.gone = nameless(dentry),
		};

		if (judge_open(&r, file->f_mode))
			return -EACCES;
		if (r.policy == HBK_TORN)
			continue;
		if (r.lasting && seed.keep_passes)
			remember(file->f_inode, tag);
		return 0;
	}
	return torn();
}

SEC("lsm/file_open")
int BPF_PROG(hauberk_open, struct file *file, int ret)
{
	struct actor actor;
	struct dentry *dentry;
	__u64 tag = 0;

	if (ret)
		return ret;
	if (file->f_mode & IS_BACKING)
		return 0;
	if (!asked(&actor, &ret) || actor.label->standing == HBK_ENTERING)
		return ret;
	dentry = file->f_path.dentry;
	tag = tag_of(actor.label, dentry, file->f_path.mnt, file->f_mode & (FMODE_READ | FMODE_WRITE), actor.version);
	if (passed_before(file->f_inode, tag))
		return 0;
	return open_unseen(&actor, file, tag);
}

/* beside a `hbk_how` */
#define TAKEN 0x100 /* the name is taken away */
#define DIRECTORY 0x200 /* it is a directory's; only a rename asks */

/* A change of one name, as its hook has looked at it. */
struct naming {
	__u64 dentry, mount; /* addresses */
	__u32 owner; /* uid of what is changed, or of the directory where it is made */
	__u32 how; /* and what is beside it */
	__u32 gone;
	__u32 policy; /* out: id of the one that let it pass: who changes two names sees that one policy let both */
};

/* Apart, and not static: the verifier looks at it once in a program, however often that changes names. */
__noinline int hbk_change(struct naming *n)
{
	struct actor actor;
	int ret;

	if (!n)
		return -EACCES;
	n->policy = 0;
	if (!asked(&actor, &ret) || actor.label->standing == HBK_ENTERING)
		return ret;
	ONE_CALL
	for (int i = 0; i < TRIES; i++) {
		struct request r = {
			.domain = HBK_FILE,
			.side = HBK_CHANGE,
			.op = HBK_OP_MODIFY,
			.how = n->how,
			.owner = n->owner,
			.source = actor.label->source,
			.slot = actor.label->slot,
			.dentry = n->dentry,
			.mount = n->mount,
			.gone = n->gone != 0,
			.taken = (n->how & TAKEN) != 0,
		};

		if (judge(&r))
			return -EACCES;
		n->policy = r.policy;
		if (r.policy != HBK_TORN)
			return 0;
	}
	return torn();
}

static __always_inline struct naming named(struct dentry *dentry, struct vfsmount *mount, __u32 owner, __u32 how)
{
	bool makes = how == HBK_HOW_MKNOD || how == HBK_HOW_MKDIR || how == HBK_HOW_SYMLINK;

	return (struct naming){
		.dentry = (__u64)dentry,
		.mount = (__u64)mount,
		.owner = owner,
		.how = how,
		.gone = !makes && nameless(dentry),
	};
}

static __always_inline int change(struct dentry *dentry, struct vfsmount *mount, __u32 owner, __u32 how)
{
	struct naming name = named(dentry, mount, owner, how);

	return hbk_change(&name) ? -EACCES : 0;
}

static __always_inline int remove(const struct path *dir, struct dentry *dentry, __u32 how)
{
	struct vfsmount *mount = dir->mnt;

	return change(dentry, mount, owner_of(dentry), how | TAKEN);
}

SEC("lsm/path_unlink")
int BPF_PROG(hauberk_unlink, const struct path *dir, struct dentry *dentry, int ret)
{
	return ret ? ret : remove(dir, dentry, HBK_HOW_UNLINK);
}

SEC("lsm/path_rmdir")
int BPF_PROG(hauberk_rmdir, const struct path *dir, struct dentry *dentry, int ret)
{
	return ret ? ret : remove(dir, dentry, HBK_HOW_RMDIR);
}

static __always_inline int create(const struct path *dir, struct dentry *dentry, __u32 how)
{
	return change(dentry, dir->mnt, owner_of(dir->dentry), how);
}

SEC("lsm/path_mknod")
int BPF_PROG(hauberk_mknod, const struct path *dir, struct dentry *dentry, unsigned short mode, unsigned int dev,
	     int ret)
{
	return ret ? ret : create(dir, dentry, HBK_HOW_MKNOD);
}

SEC("lsm/path_mkdir")
int BPF_PROG(hauberk_mkdir, const struct path *dir, struct dentry *dentry, unsigned short mode, int ret)
{
	return ret ? ret : create(dir, dentry, HBK_HOW_MKDIR);
}

SEC("lsm/path_symlink")
int BPF_PROG(hauberk_symlink, const struct path *dir, struct dentry *dentry, const char *old_name, int ret)
{
	return ret ? ret : create(dir, dentry, HBK_HOW_SYMLINK);
}

static __always_inline int change_path(const struct path *path, __u32 how)
{
	return change(path->dentry, path->mnt, owner_of(path->dentry), how);
}

SEC("lsm/path_truncate")
int BPF_PROG(hauberk_truncate, const struct path *path, int ret)
{
	return ret ? ret : change_path(path, HBK_HOW_TRUNCATE);
}

/* 6.2 and later; before, path_truncate is called for open files, too */
SEC("lsm/file_truncate")
int BPF_PROG(hauberk_ftruncate, struct file *file, int ret)
{
	if (ret)
		return ret;
	return change(file->f_path.dentry, file->f_path.mnt, file->f_inode->i_uid.val, HBK_HOW_TRUNCATE);
}

SEC("lsm/path_chmod")
int BPF_PROG(hauberk_chmod, const struct path *path, unsigned short mode, int ret)
{
	return ret ? ret : change_path(path, HBK_HOW_CHMOD);
}

SEC("lsm/path_chown")
int BPF_PROG(hauberk_chown, const struct path *path, __u64 uid, __u64 gid, int ret)
{
	return ret ? ret : change_path(path, HBK_HOW_CHOWN);
}

#endif
