/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * path_link, path_rename: two names, which one and the same policy must let pass, and all that is below a directory.
 *
 * The caller chooses both names. A directory with ruled paths below it keeps its name: nothing below it is asked about.
 */
#ifndef HAUBERK_RENAMES_H
#define HAUBERK_RENAMES_H

#define RENAME_EXCHANGE 2 /* include/uapi/linux/fs.h */

static __always_inline bool one_policy(__u32 first, __u32 second)
{
	return first == second && first != HBK_TORN && !(first && seed.fault & HBK_FAULT_TORN);
}

/*
 * link(2) and rename(2) work inside one mount only, so the new directory's mount is the old name's, too (fs/namei.c,
 * do_linkat and do_renameat2). Pointers are loaded once, before the loop: see own_namespace().
 */
SEC("lsm/path_link")
int BPF_PROG(hauberk_link, struct dentry *old_dentry, const struct path *dir, struct dentry *dentry, int ret)
{
	struct vfsmount *mount = dir->mnt;
	struct naming names[] = {
		named(old_dentry, mount, owner_of(old_dentry), HBK_HOW_LINK | TAKEN),
		named(dentry, mount, owner_of(dir->dentry), HBK_HOW_LINK),
	};

	if (ret)
		return ret;
	forget(old_dentry->d_inode);
	ONE_CALL
	for (int i = 0; i < 2 * TRIES; i++) {
		if (hbk_change(&names[i & 1]))
			return -EACCES;
		if (i & 1 && one_policy(names[0].policy, names[1].policy))
			return 0;
	}
	return torn();
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
	w->unread = 0;
	if (policy) {
		place->process = state_below(w, policy, HBK_PROCESS);
		if (w->unread)
			place->outcome = PATH_UNKNOWN;
		place->file = state_below(w, policy, HBK_FILE);
		if (w->unread)
			place->outcome = PATH_UNKNOWN;
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

/* The move of a directory. */
struct move {
	__u32 slot;
	__u32 rule; /* out: the one that a path below the directory has */
	__u32 unknown; /* out */
	__u32 policy; /* out: id of its map, HBK_TORN when there were two */
};

static __always_inline int refuse_name(const struct naming *name, const struct move *move, __u32 reason)
{
	struct request r = {
		.domain = HBK_FILE,
		.op = HBK_OP_MODIFY,
		.how = HBK_HOW_RENAME,
		.reason = reason,
		.rule = move->rule,
		.slot = move->slot,
		.policy = move->policy,
		.dentry = name->dentry,
		.mount = name->mount,
	};

	return refuse(&r);
}

/*
 * Whether a directory keeps its name: a ruled path is below it, or patterns would judge what is below differently
 * under the new name.
 */
__noinline int hbk_keeps_name(const struct naming *from, const struct naming *to, struct move *move)
{
	struct place old = {}, new = {};
	void *policy;
	__u32 slot;
	bool keeps;

	if (!from || !to || !move)
		return 0;
	slot = move->slot;
	policy = bpf_map_lookup_elem(&policies, &slot);
	if (!policy)
		return 0;
	move->policy = version_of(policy);
	if (!header_of(policy, HBK_FILE, 0) && !header_of(policy, HBK_PROCESS, 0))
		return 0;
	old.dentry = from->dentry;
	old.mount = from->mount;
	new.dentry = to->dentry;
	new.mount = to->mount;
	hbk_find_place(&old, slot);
	hbk_find_place(&new, slot);
	if (old.outcome != PATH_FOUND || new.outcome != PATH_FOUND) {
		move->unknown = 1;
		return 1;
	}
	keeps = is_above(policy, HBK_FILE, old.hash, &move->rule) ||
		is_above(policy, HBK_PROCESS, old.hash, &move->rule) || (old.process && old.process != new.process) ||
		(old.file && old.file != new.file);
	policy = bpf_map_lookup_elem(&policies, &slot);
	if (!keeps && (!policy || version_of(policy) != move->policy))
		move->policy = HBK_TORN;
	return keeps;
}

/* A directory gets another name, and with it all that is below. `from->policy` as for hbk_change(). */
static __noinline int move_directory(struct naming *from, const struct naming *to)
{
	struct move move = {};
	struct actor actor;
	int ret;

	from->policy = 0;
	if (!asked(&actor, &ret) || actor.label->standing == HBK_ENTERING)
		return ret;
	move.slot = actor.label->slot;
	if (!hbk_keeps_name(from, to, &move)) {
		from->policy = move.policy;
		return 0;
	}
	if (move.unknown)
		count(HBK_COUNT_NO_PATH);
	/* who only observes goes on */
	from->policy = move.policy;
	return refuse_name(from, &move, move.unknown ? HBK_CANNOT_TELL : HBK_BY_GUARD);
}

static __always_inline __u32 how_renamed(struct inode *inode)
{
	if (!inode)
		return HBK_HOW_RENAME;
	return HBK_HOW_RENAME | TAKEN | ((inode->i_mode & S_IFMT) == S_IFDIR ? DIRECTORY : 0);
}

/*
 * Each name in turn: it goes away from `old`, `new` is made or replaced, and with RENAME_EXCHANGE the same the other
 * way round. A round is over when one policy let all of it pass; there are TRIES rounds, half as many of an exchange.
 */
SEC("lsm/path_rename")
int BPF_PROG(hauberk_rename, const struct path *old_dir, struct dentry *old, const struct path *new_dir,
	     struct dentry *new, unsigned int flags, int ret)
{
	struct vfsmount *mount = new_dir->mnt;
	struct inode *moved = old->d_inode, *replaced = new->d_inode;
	struct naming names[] = {
		named(old, mount, owner_of(old), how_renamed(moved)),
		named(new, mount, owner_of(replaced ? new : new_dir->dentry), how_renamed(replaced)),
	};
	__u32 policy = 0;

	if (ret)
		return ret;
	forget(moved);
	forget(replaced);
	ONE_CALL
	for (int i = 0; i < 2 * TRIES; i++) {
		__u32 second = i & 1, back = flags & RENAME_EXCHANGE ? i >> 1 & 1 : 0;
		struct naming *from = &names[back], *to = &names[1 - back];

		if (hbk_change(second ? to : from))
			return -EACCES;
		if (!second) {
			if (!back)
				policy = from->policy;
			else if (policy != from->policy)
				policy = HBK_TORN;
			continue;
		}
		if (policy != to->policy)
			policy = HBK_TORN;
		if (policy != HBK_TORN && from->how & DIRECTORY) {
			ret = move_directory(from, to);
			if (ret)
				return ret;
			if (policy != from->policy)
				policy = HBK_TORN;
		}
		if ((back || !(flags & RENAME_EXCHANGE)) && one_policy(policy, policy))
			return 0;
	}
	return torn();
}

#endif
