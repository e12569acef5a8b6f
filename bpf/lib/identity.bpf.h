/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who acts. A label in the task's storage, given on first sight by the task's cgroup and inherited by its children.
 * Inside a container it is never taken away: not by namespaces, chroot, another cgroup or another program.
 *
 * What the caller can influence: nothing of it. A task that should have a label and can have none is denied.
 */
#ifndef HAUBERK_IDENTITY_H
#define HAUBERK_IDENTITY_H

#define PF_KTHREAD 0x00200000 /* include/linux/sched.h */
#define IS_BACKING 0x20000000 /* FMODE_NOACCOUNT, include/linux/fs.h: only the kernel opens files so */

static __always_inline __u64 cgroup_of(struct task_struct *task)
{
	return (__u64)task->cgroups->dfl_cgrp;
}

struct executable {
	__u64 hash; /* of its path, 0 when it has none in the task's own mount namespace (semantics, section 1) */
	__u32 foreign; /* it is in another mount namespace, or of none */
	__u32 pad;
};

/*
 * The mount namespace of the current task. Read by a helper where it is not asked at each access: for each pointer
 * that is loaded from one that is trusted, the verifier of 6.4 and later looks through the names of all types (btf.c,
 * btf_nested_type_is_trusted), on each path that leads there.
 */
static __always_inline struct mnt_namespace *own_namespace(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct nsproxy *nsproxy = NULL;
	struct mnt_namespace *own = NULL;

	bpf_core_read(&nsproxy, sizeof(nsproxy), &task->nsproxy);
	if (nsproxy)
		bpf_core_read(&own, sizeof(own), &nsproxy->mnt_ns);
	return own;
}

/* Of the current task. */
__noinline int hbk_executable(struct executable *found)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct mm_struct *mm;
	const struct file *file;
	const struct inode *inode;
	struct running *at;
	struct working *w;
	__u32 index = 0;

	if (!found)
		return 0;
	found->hash = 0;
	found->foreign = 1;
	w = borrow(&index);
	if (!w)
		return 0;
	at = &w->running;
	at->file = NULL;
	at->links = 0;
	bpf_core_read(&at->mm, sizeof(at->mm), &task->mm);
	mm = at->mm;
	if (mm)
		bpf_core_read(&at->file, sizeof(at->file), &mm->exe_file);
	file = at->file;
	if (file) {
		bpf_core_read(&at->dentry, sizeof(at->dentry), &file->f_path.dentry);
		bpf_core_read(&at->mount, sizeof(at->mount), &file->f_path.mnt);
		bpf_core_read(&at->inode, sizeof(at->inode), &file->f_inode);
		inode = at->inode;
		bpf_core_read(&at->links, sizeof(at->links), &inode->i_nlink);
		/* a task on its way out has no namespace, and no walk finds none */
		if (walk(index, (__u64)at->dentry, (__u64)at->mount) == PATH_FOUND && w->namespace == own_namespace()) {
			found->foreign = 0;
			if (at->links)
				found->hash = path_hash(w);
		}
	}
	give_back(w);
	return 0;
}

struct search {
	__u32 levels, slot, found;
};

static long look_at_level(__u32 level, struct search *search)
{
	struct hbk_container *container;
	__u64 id;

	if (!(search->levels >> (level & 31) & 1))
		return 0;
	id = bpf_get_current_ancestor_cgroup_id(level);
	if (!id)
		return 1;
	container = bpf_map_lookup_elem(&containers, &id);
	if (!container)
		return 0;
	search->slot = container->slot;
	search->found = 1;
	return 1;
}

static __noinline struct hbk_label *first_sight(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct hbk_label found = {}, *label;
	struct executable executable = {};
	struct search search = {};
	struct css_set *group = NULL;
	__u32 spare = 0, slot;

	if (task->flags & PF_KTHREAD)
		return NULL;
	bpf_core_read(&group, sizeof(group), &task->cgroups);
	bpf_core_read(&found.cgroup, sizeof(found.cgroup), &group->dfl_cgrp);
	found.registry = settings.registry;
	search.levels = settings.levels;
	bpf_loop(HBK_LEVELS, look_at_level, &search, 0);
	slot = search.slot;
	found.slot = slot;
	/* the node's own programs have sources only while a host policy asks for them */
	if (search.found || settings.node) {
		hbk_executable(&executable);
		found.source = executable.hash;
	}
	if (search.found) {
		found.standing = executable.foreign ? HBK_ENTERING : HBK_INSIDE;
		spare = 1;
	}
	label = bpf_task_storage_get(&labels, task, &found, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (label) {
		*label = found;
		return label;
	}
	if (!spare)
		return bpf_map_lookup_elem(&spare_labels, &spare);
	/* in scope, where its workload has a policy; the spare label is everybody's, and so says no workload */
	if (!bpf_map_lookup_elem(&policies, &slot))
		return NULL;
	count(HBK_COUNT_NO_STORAGE);
	label = bpf_map_lookup_elem(&spare_labels, &spare);
	if (label)
		label->standing = HBK_BROKEN;
	return label;
}

/* The label of the current task; NULL for one that no policy means. */
static __always_inline struct hbk_label *acting(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct hbk_label *label = bpf_task_storage_get(&labels, task, 0, 0);

	if (label) {
		if (label->standing == HBK_INSIDE)
			return label;
		if (label->registry == settings.registry && label->cgroup == cgroup_of(task))
			return label->standing || settings.node ? label : NULL;
	}
	return first_sight();
}

#endif
