/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every byte that crosses between the programs and user space, and nothing else. Twin: enforcer/kernel/wire.py;
 * a test compares the sizes and offsets in this object's BTF with the twin's.
 */
#ifndef HAUBERK_WIRE_H
#define HAUBERK_WIRE_H

enum hbk_limits {
	HBK_COMPONENTS = 256, /* of a path; a deeper one cannot be told and is denied */
	HBK_NAME_WORDS = 32, /* NAME_MAX (255) bytes as 8-byte words, include/uapi/linux/limits.h */
	HBK_PATH = 4096, /* PATH_MAX */
	HBK_SETS = 8, /* reports of Audit rules that one access may make */
	HBK_LEVELS = 32, /* depths of the cgroup tree that are looked at */
	HBK_TAGS = 4, /* verdicts kept with one inode */
};

/* What a key of a policy stands for; the domain is in the byte above. */
enum hbk_kind {
	HBK_HEADER = 1, /* of a domain and a source */
	HBK_EXACT, /* hash of the whole path */
	HBK_NAME, /* hash of the last component */
	HBK_GLOB, /* number of a set of patterns that match together */
	HBK_NEAR, /* directory: itself and its children */
	HBK_FAR, /* directory: what is deeper */
	HBK_ABOVE, /* directory that has a ruled path below it: not to be renamed */
	HBK_MEMORY, /* directory of programs that the filelessExec preset means */
	HBK_PROTOCOL, /* number */
	HBK_TYPE, /* SOCK_* */
	HBK_ALL,
	HBK_CAPABILITY, /* CAP_* */
};

enum hbk_domain {
	HBK_PROCESS = 1,
	HBK_FILE,
	HBK_NETWORK,
	HBK_CAPABILITIES,
};

/* Which of a value's two cells an access reads. */
enum hbk_side {
	HBK_READ = 0, /* file: read. Other domains: the access itself */
	HBK_CHANGE = 1, /* file: write, modify. Process: taking away the name of a program */
};

enum hbk_op {
	HBK_OP_EXEC = 1,
	HBK_OP_READ,
	HBK_OP_WRITE,
	HBK_OP_MODIFY,
	HBK_OP_NETWORK,
	HBK_OP_CAPABILITY,
	HBK_OP_MOUNT,
	HBK_OP_PTRACE,
	HBK_OP_BPF,
};

/* By which hook, where several have one operation. */
enum hbk_how {
	HBK_HOW_NONE,
	HBK_HOW_MKNOD,
	HBK_HOW_MKDIR,
	HBK_HOW_SYMLINK,
	HBK_HOW_UNLINK,
	HBK_HOW_RMDIR,
	HBK_HOW_RENAME,
	HBK_HOW_LINK,
	HBK_HOW_TRUNCATE,
	HBK_HOW_CHMOD,
	HBK_HOW_CHOWN,
	HBK_HOW_MAP, /* exec: executable mapping of a program that rules block */
	HBK_HOW_SOCKET,
	HBK_HOW_CONNECT,
	HBK_HOW_ACCEPT,
	HBK_HOW_MOVE_MOUNT,
	HBK_HOW_PIVOT_ROOT,
};

/* Why an access is reported. */
enum hbk_reason {
	HBK_BY_RULE = 1, /* `rule` decided */
	HBK_BY_POSTURE, /* no rule; an allow list ends in the posture */
	HBK_BY_WATCH, /* Audit rules: `rule` is the number of a set of them */
	HBK_BY_GUARD, /* `rule` blocks a program or path whose name would be taken away */
	HBK_CANNOT_TELL, /* path, identity or memory could not be had */
};

/*
 * What equals of one rank say: the smallest number of the rules that deny always, deny others than the owner, and
 * deny on a terminal; the rule that passes when none does; sets of Audit rules by the same conditions. 0 is none.
 */
struct hbk_cell {
	__u32 deny;
	__u32 deny_other;
	__u32 deny_tty;
	__u32 pass;
	__u32 watch;
	__u32 watch_other;
	__u32 watch_tty;
	__u32 pad;
};

enum hbk_flag {
	HBK_LISTED = 1 << 0, /* the domain is allow-listed */
	HBK_BLOCKS = 1 << 1, /* ... and its posture blocks */
	HBK_NAMES = 1 << 2, /* there are keys of this kind */
	HBK_GLOBS = 1 << 3,
	HBK_MEMORIES = 1 << 4,
	HBK_GUARDS = 1 << 5, /* rules that block programs: their names are kept */
	HBK_ABOVES = 1 << 6,
};

/*
 * Value of HBK_HEADER: what to look for. Bit 63 of a mask stands for depth 63 and deeper. Networks: bits of
 * `exact_depths` are protocols, of `dir_depths` socket types, 0 for all; capabilities: bits of `exact_depths`.
 */
struct hbk_header {
	__u64 exact_depths;
	__u64 dir_depths;
	__u32 flags;
	__u32 automaton; /* index into `automata` */
	__u32 start; /* its first state */
	__u32 memory_deny; /* rule of the preset */
	__u32 memory_watch; /* set of Audit presets */
	__u32 pad[5];
};

struct hbk_value {
	union {
		struct hbk_cell cell[2];
		struct hbk_header header;
	};
};

/* One state of an automaton over the bytes of a path; state 0 is dead. */
struct hbk_state {
	__u16 next[256];
	__u32 accepts; /* number of the set of patterns that match here, 0 for none */
	__u32 pad;
};

/* Changes whenever something in this file does. */
#define HBK_VERSION 2

/* What tests make fail, since it was never seen to: reads of names, and a policy that stays while two are judged. */
enum hbk_fault {
	HBK_FAULT_NAME = 1 << 0, /* names too long to stand in the entry itself */
	HBK_FAULT_PATTERN = 1 << 1, /* names that patterns are compared with */
	HBK_FAULT_TORN = 1 << 2, /* two names count as judged by two policies */
};

/* Constants of a set of programs. */
struct hbk_constants {
	__u32 version;
	__u32 keep_passes; /* silent passes are kept with inodes */
	__u32 fault; /* bits of `hbk_fault` */
	__u32 build; /* a hash of the object file: which programs these are */
	/* The secret of this boot: hashes of names cannot be aimed at, as nobody outside knows it. */
	__u64 start;
	__u64 first[HBK_NAME_WORDS];
	__u64 second[HBK_NAME_WORDS];
};

/* What user space sets; one entry. */
struct hbk_settings {
	__u64 registry; /* changes with every change of `containers` */
	__u32 levels; /* bit l: some registered cgroup is at depth l */
	__u32 node; /* a policy for the node's own tasks is there */
	__u64 window; /* ns */
	__u32 burst; /* reports of one rule for one workload in one window, 0 for all */
	__u32 observe; /* nothing is denied; what would be is reported */
};

struct hbk_container {
	__u32 slot;
	__u32 pad;
};

/* Who a task is. */
enum hbk_standing {
	HBK_OUTSIDE = 0, /* in no registered cgroup */
	HBK_ENTERING, /* a runtime on its way into a container: its next exec is the first one judged */
	HBK_INSIDE,
	HBK_BROKEN, /* in scope, and no storage: denied */
};

struct hbk_label {
	__u64 cgroup; /* address, as it was when `standing` was found */
	__u64 registry;
	__u64 source; /* hash of the executable's path, 0 when unknown */
	__u32 slot;
	__u32 standing;
	/* Addresses put here come back as numbers: the verifier lets nobody calculate with pointers. */
	volatile __u64 address[4];
};

struct hbk_record {
	__u64 time; /* ns since boot */
	__u64 cgroup; /* id */
	__u32 slot;
	__u32 policy; /* id of the map that `rule` is a number of; 0 for none */
	__u32 rule;
	__u32 suppressed; /* reports of this rule that were left out before this one */
	__u32 pid, tgid, ppid; /* of the node */
	__u32 inner_pid, inner_ppid;
	__u32 uid;
	__s32 result; /* 0 or -errno */
	__u32 number; /* socket type << 16 | protocol; capability */
	__u32 pad;
	__u8 op, how, reason, cut;
	__u16 resource, program, parent; /* bytes of each text, in this order after the record */
	__u16 spare;
	char comm[16];
};

enum hbk_counter {
	HBK_COUNT_DENIED,
	HBK_COUNT_LOST, /* reports that found the ring full */
	HBK_COUNT_SUPPRESSED, /* reports over the rate */
	HBK_COUNT_NO_STORAGE, /* tasks in scope without a label */
	HBK_COUNT_NO_SCRATCH, /* all working memory of the processor in use */
	HBK_COUNT_NO_PATH, /* path that cannot be told: denied */
	HBK_COUNT_TOO_DEEP,
	HBK_COUNT_UNTOLD, /* more sets of Audit rules than HBK_SETS */
	HBK_COUNT_TORN, /* policies that changed each time an access was judged: denied */
	HBK_COUNTERS,
};

#endif
