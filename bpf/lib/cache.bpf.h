/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Silent passes, kept with the inode, so that a file seen before costs the same at any depth.
 *
 * A tag is a hash of all that the verdict hangs on: the name (entry, parent and hash of the name), the mount and the
 * state of the mount namespace, the moves of directories, the policy (id of its map) and the source. Who changes one
 * of these changes the tag. Never kept: denials, what is reported, what hangs on the owner or a terminal, files with
 * several links (a freed directory entry may come back as another name of the same file), other namespaces' files.
 */
#ifndef HAUBERK_CACHE_H
#define HAUBERK_CACHE_H

#define S_IFMT 00170000
#define S_IFDIR 0040000

struct tags {
	__u64 tag[HBK_TAGS];
	__u32 next;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tags);
} passes SEC(".maps");

/* Moves of directories so far, by anybody (hooks/moves.bpf.h). */
volatile __u64 moves;

static __always_inline __u64 tag_of(struct hbk_label *label, const struct dentry *dentry, const struct vfsmount *mount,
				    __u32 what, __u32 version)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mnt_namespace *namespace = task->nsproxy->mnt_ns;
	__u64 tag = seed.start;

	label->address[0] = (__u64)dentry;
	label->address[1] = (__u64)dentry->d_parent;
	label->address[2] = (__u64)mount;
	label->address[3] = (__u64) namespace;
	tag = mix(tag, label->address[0]);
	tag = mix(tag, label->address[1]);
	tag = mix(tag, label->address[2]);
	tag = mix(tag, label->address[3]);
	tag = mix(tag, (__u64)dentry->d_name.len << 32 | dentry->d_name.hash);
	tag = mix(tag, namespace->event);
	tag = mix(tag, moves);
	tag = mix(tag, label->source);
	return mix(tag, (__u64)version << 32 | what);
}

static __always_inline bool passed_before(struct inode *inode, __u64 tag)
{
	struct tags *tags = bpf_inode_storage_get(&passes, inode, 0, 0);

	if (!tags)
		return false;
	return tags->tag[0] == tag || tags->tag[1] == tag || tags->tag[2] == tag || tags->tag[3] == tag;
}

static __always_inline void remember(struct inode *inode, __u64 tag)
{
	struct tags *tags;

	if ((inode->i_mode & S_IFMT) != S_IFDIR && inode->i_nlink != 1)
		return;
	tags = bpf_inode_storage_get(&passes, inode, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (tags) {
		tags->tag[tags->next & (HBK_TAGS - 1)] = tag;
		tags->next++;
	}
}

static __always_inline void forget(struct inode *inode)
{
	if (inode)
		bpf_inode_storage_delete(&passes, inode);
}

#endif
