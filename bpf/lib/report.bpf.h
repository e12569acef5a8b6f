/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Records for user space. Losing one never changes a verdict: it is counted.
 */
#ifndef HAUBERK_REPORT_H
#define HAUBERK_REPORT_H

#define TEXTS (3 * HBK_PATH)

struct message {
	struct hbk_record record;
	char text[TEXTS + 512];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WORKING_SETS);
	__type(key, __u32);
	__type(value, struct message);
} messages SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384); /* placeholder */
	__type(key, struct rate_key);
	__type(value, struct rate);
} rates SEC(".maps");

/* False when this rule has made its reports for now; else how many were left out since the last one. */
static __always_inline bool may_send(struct working *w, const struct request *r, __u32 reason, __u32 number, __u64 now,
				     __u32 *left_out)
{
	struct rate *rate;

	w->rate_key.slot = r->slot;
	w->rate_key.rule = number;
	w->rate_key.reason = reason;
	w->rate_key.op = r->op;
	rate = bpf_map_lookup_elem(&rates, &w->rate_key);
	*left_out = 0;
	if (!rate) {
		w->first_rate.since = now;
		w->first_rate.sent = 1;
		w->first_rate.left_out = 0;
		bpf_map_update_elem(&rates, &w->rate_key, &w->first_rate, BPF_ANY);
		return true;
	}
	if (!settings.burst)
		return true;
	if (now - rate->since >= settings.window) {
		*left_out = rate->left_out;
		rate->since = now;
		rate->sent = 1;
		rate->left_out = 0;
		return true;
	}
	if (rate->sent < settings.burst) {
		__sync_fetch_and_add(&rate->sent, 1);
		return true;
	}
	__sync_fetch_and_add(&rate->left_out, 1);
	count(HBK_COUNT_SUPPRESSED);
	return false;
}

struct writing {
	struct working *w;
	struct message *message;
};

/* One component, from the root on; `left` bytes may still be written. */
static long write_component(__u32 index, struct writing *writing)
{
	struct working *w = writing->w;
	struct message *message = writing->message;
	__u32 component, length, at = w->written;

	if (index >= w->count)
		return 1;
	component = (w->count - 1 - index) & (HBK_COMPONENTS - 1);
	length = w->hash_len[component] >> 32;
	if (length > 255)
		length = 255;
	if (at >= TEXTS || length >= w->left) {
		message->record.cut = 1;
		return 1;
	}
	message->text[at] = '/';
	if (bpf_probe_read_kernel(message->text + at + 1, length & 255, w->name[component]))
		return 1;
	w->written = at + 1 + length;
	w->left -= length + 1;
	return 0;
}

/* The very register that is compared is used after it: 6.1 knows the bound of no other copy. */
static __always_inline bool has_room(__u64 *at)
{
	asm volatile("" : "+r"(*at));
	return *at < TEXTS;
}

static __always_inline __u32 write_path(struct working *w, struct message *message, __u64 at)
{
	struct writing writing = {.w = w, .message = message};

	if (!w->count) {
		if (!has_room(&at))
			return at;
		message->text[at] = '/';
		return at + 1;
	}
	w->written = at;
	w->left = HBK_PATH;
	bpf_loop(HBK_COMPONENTS, write_component, &writing, 0);
	return w->written;
}

/* The last component of something without a path, in the form that the semantics give it. */
static __always_inline __u32 write_name(struct message *message, __u64 at, const struct dentry *dentry)
{
	const unsigned char *name = NULL;
	long length;

	bpf_core_read(&name, sizeof(name), &dentry->d_name.name);
	if (!has_room(&at))
		return at;
	length = bpf_probe_read_kernel_str(message->text + at, 256, name);
	return length > 0 ? at + ((__u32)length & 511) - 1 : at;
}

static __always_inline __u32 write_program(struct working *w, __u32 index, struct message *message, __u32 at,
					   struct task_struct *task)
{
	struct mm_struct *mm = NULL;
	struct file *file = NULL;
	struct dentry *dentry = NULL;
	struct vfsmount *mount = NULL;

	bpf_core_read(&mm, sizeof(mm), &task->mm);
	if (!mm)
		return at;
	bpf_core_read(&file, sizeof(file), &mm->exe_file);
	if (!file)
		return at;
	bpf_core_read(&dentry, sizeof(dentry), &file->f_path.dentry);
	bpf_core_read(&mount, sizeof(mount), &file->f_path.mnt);
	if (walk(index, (__u64)dentry, (__u64)mount) == PATH_FOUND)
		return write_path(w, message, at);
	return write_name(message, at, dentry);
}

static __always_inline __u32 inner_pid_of(struct task_struct *task)
{
	struct pid *pid = NULL;
	struct upid last = {};
	unsigned int level = 0;

	bpf_core_read(&pid, sizeof(pid), &task->thread_pid);
	bpf_core_read(&level, sizeof(level), &pid->level);
	bpf_probe_read_kernel(&last, sizeof(last),
			      (void *)pid + bpf_core_field_offset(struct pid, numbers) +
				      level * bpf_core_type_size(struct upid));
	return last.nr;
}

struct watches {
	struct working *w;
	struct request *r;
	struct message *message;
	__u64 now;
	__u32 end;
};

static long send_watch(__u32 index, struct watches *watches)
{
	struct hbk_record *record = &watches->message->record;
	struct request *r = watches->r;
	__u32 left_out, end = watches->end;

	if (index >= r->sets)
		return 1;
	record->rule = r->set[index & (HBK_SETS - 1)];
	record->reason = HBK_BY_WATCH;
	record->result = r->denied && !settings.observe ? -EACCES : 0;
	if (!may_send(watches->w, r, HBK_BY_WATCH, record->rule, watches->now, &left_out))
		return 0;
	record->suppressed = left_out;
	if (end > sizeof(struct message) || bpf_ringbuf_output(&records, watches->message, end, 0))
		count(HBK_COUNT_LOST);
	return 0;
}

/* The working set holds the walked target (`outcome`); it is used up. `r->dentry` is 0 for what has no name. */
__noinline int hbk_report(struct request *r, __u32 index, __u32 outcome)
{
	struct task_struct *task = bpf_get_current_task_btf(), *parent = NULL, *leader = NULL;
	struct message *message = bpf_map_lookup_elem(&messages, &index);
	struct working *w = working_set(index);
	struct dentry *dentry;
	__u64 now = bpf_ktime_get_boot_ns();
	struct hbk_record *record;
	__u32 resource, program, end, left_out;
	int tgid = 0;

	if (!r || !message || !w)
		return 0;
	dentry = (void *)r->dentry;
	record = &message->record;
	record->time = now;
	record->cgroup = bpf_get_current_cgroup_id();
	record->slot = r->slot;
	record->policy = r->policy;
	record->pid = bpf_get_current_pid_tgid();
	record->tgid = bpf_get_current_pid_tgid() >> 32;
	record->uid = bpf_get_current_uid_gid();
	record->op = r->op;
	record->how = r->how;
	record->number = r->type << 16 | (r->number & 0xffff);
	record->cut = 0;
	bpf_get_current_comm(record->comm, sizeof(record->comm));
	bpf_core_read(&parent, sizeof(parent), &task->real_parent);
	bpf_core_read(&leader, sizeof(leader), &task->group_leader);
	bpf_core_read(&tgid, sizeof(tgid), &parent->tgid);
	record->ppid = tgid;
	record->inner_pid = inner_pid_of(leader);
	record->inner_ppid = inner_pid_of(parent);

	resource = 0;
	if (dentry)
		resource = outcome == PATH_FOUND ? write_path(w, message, 0) : write_name(message, 0, dentry);
	program = write_program(w, index, message, resource, task);
	end = write_program(w, index, message, program, parent);
	record->resource = resource;
	record->program = program - resource;
	record->parent = end - program;
	if (end > TEXTS)
		end = TEXTS;
	end = sizeof(*record) + (end & 0x3fff);
	if (end > sizeof(*message))
		return 0;

	if (r->reason && (r->denied || r->reason == HBK_BY_POSTURE)) {
		record->rule = r->rule;
		record->reason = r->reason;
		record->result = r->denied && !settings.observe ? -EACCES : 0;
		if (may_send(w, r, r->reason, r->rule, now, &left_out)) {
			record->suppressed = left_out;
			if (bpf_ringbuf_output(&records, message, end, 0))
				count(HBK_COUNT_LOST);
		}
	}
	if (r->sets) {
		struct watches watches = {.w = w, .r = r, .message = message, .end = end, .now = now};

		bpf_loop(HBK_SETS, send_watch, &watches, 0);
	}
	return 0;
}

static __always_inline bool reports(const struct request *r)
{
	return r->denied || r->reason == HBK_BY_POSTURE || r->sets;
}

#endif
