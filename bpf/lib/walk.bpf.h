/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a directory entry up to the root of its mount namespace, a hash for each component.
 *
 * bpf_d_path is not used: few hooks may call it, and its answer is relative to the task's root, so that chroot(2)
 * would rename paths under it. fs/d_path.c (prepend_path) is the walk that this one follows.
 */
#ifndef HAUBERK_WALK_H
#define HAUBERK_WALK_H

#define MAX_ERRNO 4095UL /* include/linux/err.h; mnt_ns of a kernel-internal mount is ERR_PTR(-EINVAL) */
#define WORKING_SETS 4 /* tasks that may be preempted in a program on one processor at a time */
#define TRIES 4

enum outcome {
	PATH_FOUND = 0,
	PATH_NONE, /* the file has no name: pipe, memfd, deleted */
	PATH_UNKNOWN, /* cannot tell */
	PATH_DETACHED, /* below a mount that is in no mount namespace: no name leads there */
	PATH_AGAIN, /* a name changed on the way */
};

/* What stands side by side in struct dentry since v4; if not, names are read where `name` points. */
struct head {
	struct dentry *parent;
	__u64 hash_len;
	const unsigned char *name;
	struct inode *inode;
	__u64 words[4];
};

/* Of equals of the strongest rank so far: who denies, and who passes. */
struct best {
	__u32 deny, deny_other, deny_tty, pass;
};

struct rate_key {
	__u32 slot, rule;
	__u32 reason, op;
};

struct rate {
	__u64 since;
	__u32 sent, left_out;
};

/* The program of a task, while it is looked up. */
struct running {
	struct mm_struct *mm;
	struct file *file;
	struct dentry *dentry;
	struct vfsmount *mount;
	struct inode *inode;
	unsigned int links;
};

struct working {
	__u32 busy;
	__u32 count;
	__u32 outcome;
	__u32 unread; /* a name that patterns are compared with could not be read */
	/* Positions of loops stand here and not on the stack: the verifier would follow each of their values. */
	__u32 state, left, at, length;
	__u32 written;
	__u32 before_rule, before_policy, before_reason; /* of a request that is asked about once more */
	__u64 folded;
	__u64 named_depths, global_depths;
	struct best named, global;
	struct rate_key rate_key;
	struct rate first_rate;
	struct dentry *dentry, *mount_root;
	struct mount *mount;
	struct mnt_namespace *namespace;
	struct head head;
	struct running running;
	__u64 words[HBK_NAME_WORDS];
	__u64 hash[HBK_COMPONENTS]; /* from the leaf to the root */
	__u64 hash_len[HBK_COMPONENTS];
	const unsigned char *name[HBK_COMPONENTS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WORKING_SETS);
	__type(key, __u32);
	__type(value, struct working);
} working_sets SEC(".maps");

/*
 * Where the kernel's lock of renames is, as user space read it in /proc/kallsyms. Not `__ksym`: libbpf would read and
 * parse all symbols for it, each time that an object is loaded.
 */
const volatile __u64 rename_lock SEC(".rodata.kernel");

/* Another task may run here while one is preempted inside a program, so each takes a set of its own. */
static __always_inline struct working *borrow(__u32 *index)
{
	for (__u32 i = 0; i < WORKING_SETS; i++) {
		__u32 key = i;
		struct working *w = bpf_map_lookup_elem(&working_sets, &key);

		if (w && __sync_val_compare_and_swap(&w->busy, 0, 1) == 0) {
			*index = i;
			return w;
		}
	}
	count(HBK_COUNT_NO_SCRATCH);
	return NULL;
}

static __always_inline void give_back(struct working *w)
{
	__sync_lock_test_and_set(&w->busy, 0);
}

static __always_inline __u64 kept(__u64 word, __u32 bytes)
{
	return bytes >= 8 ? word : word & ((1ULL << (bytes * 8)) - 1);
}

struct walk_context {
	struct working *w;
};

/* False when the name cannot be read. */
static __always_inline bool hash_name(struct working *w, __u32 count)
{
	__u32 length = w->head.hash_len >> 32;
	struct sums sums = {};

	if (length <= 32 && (void *)w->head.name == (void *)w->dentry + bpf_core_field_offset(struct dentry, d_parent) +
							    __builtin_offsetof(struct head, words)) {
#pragma unroll
		for (__u32 i = 0; i < 4; i++)
			if (length > i * 8)
				add_word(&sums, i, kept(w->head.words[i], length - i * 8));
		w->hash[count & (HBK_COMPONENTS - 1)] = fold(&sums);
		return true;
	}
	if (length > 255)
		length = 255;
	w->words[(length >> 3) & (HBK_NAME_WORDS - 1)] = 0; /* what the last word has beyond the name */
	if (seed.fault & HBK_FAULT_NAME || bpf_probe_read_kernel(w->words, length & 255, w->head.name))
		return false;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < HBK_NAME_WORDS; i++) {
		if (i * 8 >= length)
			break;
		add_word(&sums, i, w->words[i]);
	}
	w->hash[count & (HBK_COMPONENTS - 1)] = fold(&sums);
	return true;
}

static long walk_step(__u32 index, struct walk_context *context)
{
	struct working *w = context->w;
	__u32 count;

	if (w->dentry == w->mount_root) {
		struct mount *mount = w->mount, *parent = NULL;

		bpf_core_read(&parent, sizeof(parent), &mount->mnt_parent);
		if (parent == mount) {
			w->outcome = PATH_FOUND;
			return 1;
		}
		bpf_core_read(&w->dentry, sizeof(w->dentry), &mount->mnt_mountpoint);
		bpf_core_read(&w->mount_root, sizeof(w->mount_root), &parent->mnt.mnt_root);
		w->mount = parent;
		return 0;
	}
	if (bpf_probe_read_kernel(&w->head, sizeof(w->head),
				  (void *)w->dentry + bpf_core_field_offset(struct dentry, d_parent)))
		return 1;
	if (w->head.parent == w->dentry) {
		w->outcome = PATH_DETACHED; /* outside what is mounted, or of no tree at all */
		return 1;
	}
	count = w->count;
	if (count >= HBK_COMPONENTS)
		return 1;
	if (!hash_name(w, count))
		return 1;
	w->hash_len[count] = w->head.hash_len;
	w->name[count] = w->head.name;
	w->count = count + 1;
	w->dentry = w->head.parent;
	return 0;
}

static __always_inline __u32 renames(void)
{
	__u32 sequence = 0;

	bpf_probe_read_kernel(&sequence, sizeof(sequence), (void *)rename_lock);
	return sequence;
}

/* A mount that nobody can name: detached (no namespace, or an anonymous one), or the kernel's own. */
static __always_inline __u32 attached(struct working *w)
{
	struct mount *top = w->mount;
	struct mnt_namespace *namespace = NULL;

	bpf_core_read(&namespace, sizeof(namespace), &top->mnt_ns);
	w->namespace = namespace;
	if ((unsigned long)namespace >= -MAX_ERRNO)
		return PATH_NONE;
	if (!namespace)
		return PATH_DETACHED;
	if (bpf_core_field_exists(namespace->is_anon)) {
		bool anonymous = true;

		bpf_core_read(&anonymous, sizeof(anonymous), &namespace->is_anon);
		if (anonymous)
			return PATH_DETACHED;
	} else if (bpf_core_field_exists(namespace->seq)) {
		__u64 sequence = 0;

		bpf_core_read(&sequence, sizeof(sequence), &namespace->seq);
		if (!sequence)
			return PATH_DETACHED;
	}
	return PATH_FOUND;
}

static __always_inline struct working *working_set(__u32 index)
{
	return bpf_map_lookup_elem(&working_sets, &index);
}

/* Fills a working set. A global function: verified by itself, and not again for each caller. */
__noinline int hbk_walk_once(__u32 index, __u64 dentry, __u64 mount)
{
	struct walk_context context = {.w = working_set(index)};
	__u32 before = renames(), outcome;
	struct working *w = context.w;

	if (!w)
		return PATH_UNKNOWN;
	w->dentry = (void *)dentry;
	w->mount = (void *)mount - bpf_core_field_offset(struct mount, mnt);
	bpf_core_read(&w->mount_root, sizeof(w->mount_root), &((struct vfsmount *)mount)->mnt_root);
	w->count = 0;
	w->outcome = PATH_UNKNOWN;
	w->head.parent = NULL;
	bpf_loop(4 * HBK_COMPONENTS, walk_step, &context, 0);
	outcome = attached(w);
	if (outcome == PATH_FOUND)
		outcome = w->outcome;
	return before & 1 || renames() != before ? PATH_AGAIN : outcome;
}

static __always_inline __u32 walk(__u32 index, __u64 dentry, __u64 mount)
{
	ONE_CALL
	for (int i = 0; i < TRIES; i++) {
		__u32 outcome = hbk_walk_once(index, dentry, mount);

		if (outcome != PATH_AGAIN)
			return outcome;
	}
	return PATH_UNKNOWN;
}

static long fold_component(__u32 index, struct walk_context *context)
{
	struct working *w = context->w;
	__u32 count = w->count;

	if (index >= count)
		return 1;
	w->folded = mix(w->folded, w->hash[(count - 1 - index) & (HBK_COMPONENTS - 1)]);
	return 0;
}

/* The hash of a walked path. */
static __always_inline __u64 path_hash(struct working *w)
{
	struct walk_context context = {.w = w};

	w->folded = seed.start;
	bpf_loop(HBK_COMPONENTS, fold_component, &context, 0);
	return w->folded;
}

#endif
