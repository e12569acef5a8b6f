/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * file_open, file_truncate, path_{truncate,mknod,mkdir,symlink,unlink,rmdir,rename,link,chmod,chown}.
 *
 * The caller chooses every name; what is judged is the entry that the kernel resolved. A name that cannot be told
 * is denied under a policy that speaks of files. The second open of an overlay's backing file is the mounter's and
 * not judged: the overlay's own file was, just before.
 */
#ifndef HAUBERK_FILES_H
#define HAUBERK_FILES_H

#define FMODE_READ 1 /* include/linux/fs.h */
#define FMODE_WRITE 2
#define RENAME_EXCHANGE 2

static __noinline int open_unseen(struct actor *actor, struct file *file, __u64 tag)
{
	struct dentry *dentry = file->f_path.dentry;
	struct request r = {
		.domain = HBK_FILE,
		.source = actor->label->source,
		.slot = actor->label->slot,
		.owner = file->f_inode->i_uid.val,
		.dentry = (__u64)dentry,
		.mount = (__u64)file->f_path.mnt,
		.gone = nameless(dentry),
	};
	int denied = 0;

	if (!(file->f_mode & FMODE_WRITE) || file->f_mode & FMODE_READ) {
		r.op = HBK_OP_READ;
		r.side = HBK_READ;
		denied = judge(&r);
	}
	if (!denied && file->f_mode & FMODE_WRITE) {
		__u32 lasting = r.op ? r.lasting : 1;

		r.op = HBK_OP_WRITE;
		r.side = HBK_CHANGE;
		r.sets = 0;
		r.reason = 0;
		r.rule = 0;
		denied = judge(&r);
		r.lasting &= lasting;
	}
	if (!denied && r.lasting && seed.keep_passes)
		remember(file->f_inode, tag);
	return denied;
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
	tag = tag_of(actor.label, dentry, file->f_path.mnt, file->f_mode & (FMODE_READ | FMODE_WRITE),
		     version_of(actor.policy));
	if (passed_before(file->f_inode, tag))
		return 0;
	return open_unseen(&actor, file, tag);
}

/* A change of one name; `owner` is the uid of what is changed, or of the directory where it is made. */
static __noinline int change(struct dentry *dentry, struct vfsmount *mount, __u32 owner, __u32 how, bool taken)
{
	struct actor actor;
	int ret;

	if (!asked(&actor, &ret) || actor.label->standing == HBK_ENTERING)
		return ret;
	{
		struct request r = {
			.domain = HBK_FILE,
			.side = HBK_CHANGE,
			.op = HBK_OP_MODIFY,
			.how = how,
			.owner = owner,
			.source = actor.label->source,
			.slot = actor.label->slot,
			.dentry = (__u64)dentry,
			.mount = (__u64)mount,
			.gone = how != HBK_HOW_CREATE && nameless(dentry),
			.taken = taken,
		};

		return judge(&r);
	}
}

static __always_inline int remove(const struct path *dir, struct dentry *dentry)
{
	return change(dentry, dir->mnt, owner_of(dentry), HBK_HOW_DELETE, true);
}

SEC("lsm/path_unlink")
int BPF_PROG(hauberk_unlink, const struct path *dir, struct dentry *dentry, int ret)
{
	return ret ? ret : remove(dir, dentry);
}

SEC("lsm/path_rmdir")
int BPF_PROG(hauberk_rmdir, const struct path *dir, struct dentry *dentry, int ret)
{
	return ret ? ret : remove(dir, dentry);
}

static __always_inline int create(const struct path *dir, struct dentry *dentry)
{
	return change(dentry, dir->mnt, owner_of(dir->dentry), HBK_HOW_CREATE, false);
}

SEC("lsm/path_mknod")
int BPF_PROG(hauberk_mknod, const struct path *dir, struct dentry *dentry, unsigned short mode, unsigned int dev,
	     int ret)
{
	return ret ? ret : create(dir, dentry);
}

SEC("lsm/path_mkdir")
int BPF_PROG(hauberk_mkdir, const struct path *dir, struct dentry *dentry, unsigned short mode, int ret)
{
	return ret ? ret : create(dir, dentry);
}

SEC("lsm/path_symlink")
int BPF_PROG(hauberk_symlink, const struct path *dir, struct dentry *dentry, const char *old_name, int ret)
{
	return ret ? ret : create(dir, dentry);
}

/* link(2) works inside one mount only, so the new directory's mount is the old name's, too (fs/namei.c, do_linkat) */
SEC("lsm/path_link")
int BPF_PROG(hauberk_link, struct dentry *old_dentry, const struct path *dir, struct dentry *dentry, int ret)
{
	if (ret)
		return ret;
	forget(old_dentry->d_inode);
	ret = change(old_dentry, dir->mnt, owner_of(old_dentry), HBK_HOW_LINK, true);
	return ret ? ret : change(dentry, dir->mnt, owner_of(dir->dentry), HBK_HOW_LINK, false);
}

static __always_inline int change_path(const struct path *path, __u32 how)
{
	return change(path->dentry, path->mnt, owner_of(path->dentry), how, false);
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
	return change(file->f_path.dentry, file->f_path.mnt, file->f_inode->i_uid.val, HBK_HOW_TRUNCATE, false);
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

/* The hash of a walked path, and the states of both domains' patterns below it. */
struct place {
	__u64 dentry, mount; /* addresses */
	__u64 hash;
	__u32 process, file;
	__u32 outcome;
};

static __always_inline __u32 state_below(struct working *w, void *policy, __u32 domain)
{
	const struct hbk_header *global = header_of(policy, domain, 0);
	void *automaton;
	__u32 state;

	if (!global || !(global->flags & HBK_GLOBS))
		return 0;
	state = read_path(w, global, &automaton);
	return automaton && w->count ? next_state(automaton, state, '/') : state;
}

__noinline int hbk_find_place(struct place *place, __u32 slot)
{
	__u32 index = 0;
	struct working *w = borrow(&index);
	void *policy = bpf_map_lookup_elem(&policies, &slot);

	if (!place)
		return 0;
	place->outcome = PATH_UNKNOWN;
	if (!w)
		return 0;
	place->outcome = walk(index, place->dentry, place->mount);
	place->hash = path_hash(w);
	if (policy) {
		place->process = state_below(w, policy, HBK_PROCESS);
		place->file = state_below(w, policy, HBK_FILE);
	}
	give_back(w);
	return 0;
}

static __always_inline bool is_above(void *policy, __u32 domain, __u64 hash, __u32 *number)
{
	__u64 key = key_of(hash, domain, HBK_ABOVE, 0);
	struct hbk_value *value = bpf_map_lookup_elem(policy, &key);

	if (!value)
		return false;
	*number = value->cell[0].deny;
	return true;
}

static __always_inline int refuse_name(struct dentry *dentry, struct vfsmount *mount, __u32 slot, __u32 rule,
				       __u32 reason)
{
	struct request r = {
		.domain = HBK_FILE,
		.op = HBK_OP_MODIFY,
		.how = HBK_HOW_RENAME,
		.reason = reason,
		.rule = rule,
		.slot = slot,
		.dentry = (__u64)dentry,
		.mount = (__u64)mount,
	};

	return refuse(&r);
}

struct move {
	__u64 from, from_mount, to, to_mount; /* addresses */
	__u32 slot;
	__u32 rule; /* out: the one that a path below the directory has */
	__u32 unknown; /* out */
	__u32 pad;
};

/*
 * Whether a directory keeps its name: a ruled path is below it, or patterns would judge what is below differently
 * under the new name.
 */
__noinline int hbk_keeps_name(struct move *move)
{
	struct place old = {}, new = {};
	void *policy;
	__u32 slot;

	if (!move)
		return 0;
	slot = move->slot;
	policy = bpf_map_lookup_elem(&policies, &slot);
	if (!policy || (!header_of(policy, HBK_FILE, 0) && !header_of(policy, HBK_PROCESS, 0)))
		return 0;
	old.dentry = move->from;
	old.mount = move->from_mount;
	new.dentry = move->to;
	new.mount = move->to_mount;
	hbk_find_place(&old, slot);
	hbk_find_place(&new, slot);
	if (old.outcome != PATH_FOUND || new.outcome != PATH_FOUND) {
		move->unknown = 1;
		return 1;
	}
	return is_above(policy, HBK_FILE, old.hash, &move->rule) ||
	       is_above(policy, HBK_PROCESS, old.hash, &move->rule) || (old.process && old.process != new.process) ||
	       (old.file && old.file != new.file);
}

/* A directory gets another name, and with it all that is below. */
static __noinline int move_directory(struct dentry *from, struct vfsmount *from_mount, struct dentry *to,
				     struct vfsmount *to_mount)
{
	struct move move = {
		.from = (__u64)from,
		.from_mount = (__u64)from_mount,
		.to = (__u64)to,
		.to_mount = (__u64)to_mount,
	};
	struct actor actor;
	int ret;

	if (!asked(&actor, &ret) || actor.label->standing == HBK_ENTERING)
		return ret;
	move.slot = actor.label->slot;
	if (!hbk_keeps_name(&move))
		return 0;
	if (move.unknown)
		count(HBK_COUNT_NO_PATH);
	return refuse_name(from, from_mount, move.slot, move.rule, move.unknown ? HBK_CANNOT_TELL : HBK_BY_GUARD);
}

static __always_inline int rename_one(const struct path *old_dir, struct dentry *old, const struct path *new_dir,
				      struct dentry *new)
{
	struct inode *replaced = new->d_inode, *moved = old->d_inode;
	int ret;

	ret = change(old, old_dir->mnt, owner_of(old), HBK_HOW_RENAME, true);
	if (!ret)
		ret = change(new, new_dir->mnt, replaced ? owner_of(new) : owner_of(new_dir->dentry), HBK_HOW_RENAME,
			     replaced != NULL);
	if (!ret && moved && (moved->i_mode & S_IFMT) == S_IFDIR)
		ret = move_directory(old, old_dir->mnt, new, new_dir->mnt);
	return ret;
}

SEC("lsm/path_rename")
int BPF_PROG(hauberk_rename, const struct path *old_dir, struct dentry *old, const struct path *new_dir,
	     struct dentry *new, unsigned int flags, int ret)
{
	if (ret)
		return ret;
	forget(old->d_inode);
	forget(new->d_inode);
	ret = rename_one(old_dir, old, new_dir, new);
	if (!ret && flags & RENAME_EXCHANGE)
		ret = rename_one(new_dir, new, old_dir, old);
	return ret;
}

#endif
