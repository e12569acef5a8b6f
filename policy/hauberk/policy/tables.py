"""Names that the models know, and the nearest of them to a misspelt one."""

from __future__ import annotations

SOCKET_TYPES = ("stream", "dgram", "raw", "rdm", "seqpacket", "dccp", "packet")
PROTOCOL_NUMBERS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58, "sctp": 132}
PROTOCOLS = frozenset(("all", *SOCKET_TYPES, *PROTOCOL_NUMBERS))

# Every capability of Linux 6.12 in the order of its numbers (include/uapi/linux/capability.h). The CRD's pattern names
# those up to `mac_admin` and is anchored at the end only; KubeArmor's own table lacks `checkpoint_restore`.
CAPABILITY_NAMES = tuple(
    """
    chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service
    net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin
    sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override
    mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore
    """.split()
)
CAPABILITIES = frozenset(CAPABILITY_NAMES)

PRESETS = frozenset(("anonymousMapExec", "exec", "filelessExec", "protectEnv", "protectProc"))

# x86-64 names as the CRDs of KubeArmor 1.7.4 list them: up to rseq, without what came later.
SYSCALLS = tuple(
    """
    read write open close stat fstat lstat poll lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask
    rt_sigreturn ioctl pread64 pwrite64 readv writev access pipe select sched_yield mremap msync mincore madvise
    shmget shmat shmctl dup dup2 pause nanosleep getitimer alarm setitimer getpid sendfile socket connect accept
    sendto recvfrom sendmsg recvmsg shutdown bind listen getsockname getpeername socketpair setsockopt getsockopt
    clone fork vfork execve exit wait4 kill uname semget semop semctl shmdt msgget msgsnd msgrcv msgctl fcntl flock
    fsync fdatasync truncate ftruncate getdents getcwd chdir fchdir rename mkdir rmdir creat link unlink symlink
    readlink chmod fchmod chown fchown lchown umask gettimeofday getrlimit getrusage sysinfo times ptrace getuid
    syslog getgid setuid setgid geteuid getegid setpgid getppid getpgrp setsid setreuid setregid getgroups setgroups
    setresuid getresuid setresgid getresgid getpgid setfsuid setfsgid getsid capget capset rt_sigpending
    rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend sigaltstack utime mknod uselib personality ustat statfs fstatfs
    sysfs getpriority setpriority sched_setparam sched_getparam sched_setscheduler sched_getscheduler
    sched_get_priority_max sched_get_priority_min sched_rr_get_interval mlock munlock mlockall munlockall vhangup
    modify_ldt pivot_root _sysctl prctl arch_prctl adjtimex setrlimit chroot sync acct settimeofday mount umount2
    swapon swapoff reboot sethostname setdomainname iopl ioperm create_module init_module delete_module
    get_kernel_syms query_module quotactl nfsservctl getpmsg putpmsg afs_syscall tuxcall security gettid readahead
    setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr
    lremovexattr fremovexattr tkill time futex sched_setaffinity sched_getaffinity set_thread_area io_setup
    io_destroy io_getevents io_submit io_cancel get_thread_area lookup_dcookie epoll_create epoll_ctl_old
    epoll_wait_old remap_file_pages getdents64 set_tid_address restart_syscall semtimedop fadvise64 timer_create
    timer_settime timer_gettime timer_getoverrun timer_delete clock_settime clock_gettime clock_getres
    clock_nanosleep exit_group epoll_wait epoll_ctl tgkill utimes vserver mbind set_mempolicy get_mempolicy mq_open
    mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr kexec_load waitid add_key request_key keyctl
    ioprio_set ioprio_get inotify_init inotify_add_watch inotify_rm_watch migrate_pages openat mkdirat mknodat
    fchownat futimesat newfstatat unlinkat renameat linkat symlinkat readlinkat fchmodat faccessat pselect6 ppoll
    unshare set_robust_list get_robust_list splice tee sync_file_range vmsplice move_pages utimensat epoll_pwait
    signalfd timerfd_create eventfd fallocate timerfd_settime timerfd_gettime accept4 signalfd4 eventfd2
    epoll_create1 dup3 pipe2 inotify_init1 preadv pwritev rt_tgsigqueueinfo perf_event_open recvmmsg fanotify_init
    fanotify_mark prlimit64 name_to_handle_at open_by_handle_at clock_adjtime syncfs sendmmsg setns getcpu
    process_vm_readv process_vm_writev kcmp finit_module sched_setattr sched_getattr renameat2 seccomp getrandom
    memfd_create kexec_file_load bpf execveat userfaultfd membarrier mlock2 copy_file_range preadv2 pwritev2
    pkey_mprotect pkey_alloc pkey_free statx io_pgetevents rseq
    """.split()
)


def nearest(text: str, names: frozenset[str] | tuple[str, ...]) -> str | None:
    """The only name that equals `text` but for letter case, or is one or two edits away; None unless it is one."""
    folded = text.lower()
    same = [name for name in names if name.lower() == folded]
    if same:
        return same[0] if len(same) == 1 else None
    limit = 1 if len(text) < 5 else 2
    for allowed in range(1, limit + 1):
        found = [name for name in names if _distance(folded, name.lower(), allowed) <= allowed]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _distance(left: str, right: str, limit: int) -> int:
    """Optimal string alignment distance (insert, delete, replace, swap neighbours), or more than `limit`."""
    if abs(len(left) - len(right)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, start=1):
        before, previous, row = row, before, [i]
        for j, b in enumerate(right, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, previous[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return row[-1]


FAMILIAR_NAMES: dict[str, tuple[str, ...]] = {
    "/bin": ("sh",),
    "/sbin": ("init",),
    "/etc": ("passwd",),
    "/etc/nginx": ("nginx.conf",),
    "/etc/apache2": ("apache2.conf",),
    "/etc/cron.d": ("job",),
    "/etc/kubernetes": ("kubelet.conf",),
    "/etc/mysql": ("my.cnf",),
    "/etc/ssh": ("sshd_config",),
    "/etc/ssl": ("openssl.cnf",),
    "/home": ("user",),
    "/lib": ("libc.so.6",),
    "/root": (".bashrc",),
    "/root/.ssh": ("id_rsa",),
    "/run/secrets/kubernetes.io/serviceaccount": ("token",),
    "/usr/bin": ("id",),
    "/usr/local/bin": ("tool",),
    "/usr/sbin": ("useradd",),
    "/var/lib/mysql": ("ibdata1",),
    "/var/log": ("syslog",),
    "/var/run/secrets/kubernetes.io/serviceaccount": ("token",),
}
"""Names that usually stand in a directory: an example with one is read more easily than one with a made-up name."""

FAMILIAR_TARGETS: dict[str, tuple[str, ...]] = {
    "exec": ("/usr/bin/id", "/usr/bin/wget", "/usr/bin/ls"),
    "read": ("/etc/passwd", "/etc/hosts"),
    "write": ("/etc/passwd", "/etc/hosts"),
    "modify": ("/etc/passwd", "/etc/hosts"),
    "dns": ("example.com", "example.org"),
    "capability": ("net_raw", "sys_admin"),
}
"""What everybody knows, by operation: an example of what no rule is about."""
