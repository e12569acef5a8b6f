"""What a node lacks, on nodes that are folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from hauberk.enforcer.commands.check import Finding, run
from hauberk.enforcer.kernel.errors import KernelError

MOUNTS = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\nbpf /sys/fs/bpf bpf rw 0 0\n"
FILES = {
    "proc/sys/kernel/osrelease": "6.12.1-amd64\n",
    "sys/kernel/security/lsm": "lockdown,yama,bpf",
    "sys/kernel/btf/vmlinux": "",
    "proc/self/mounts": MOUNTS,
    "proc/self/status": "Name: x\nCapEff:\t000001ffffffffff\n",
    "proc/kallsyms": "0000000000000000 A fixed_percpu_data\nffffffffa1000000 T _text\n",
    "proc/self/uid_map": "         0          0 4294967295\n",
}


def check(root: Path, version: tuple[int, int] = (1, 1), **other: str | None) -> dict[str, Finding]:
    names = {name.replace("/", "_"): name for name in FILES}
    for name, text in (FILES | {names[name]: text for name, text in other.items()}).items():
        if text is not None:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
    return {finding.name: finding for finding in run(root, lambda: version)}


def lacking(found: dict[str, Finding]) -> list[tuple[str, str, str]]:
    return [(one.name, one.found, one.remedy) for one in found.values() if not one.ok]


def test_a_node_that_has_everything(tmp_path: Path) -> None:
    found = check(tmp_path)
    assert lacking(found) == []
    assert list(found) == [
        "kernel",
        "BPF LSM",
        "BTF",
        "cgroup v2",
        "bpf file system",
        "capabilities",
        "symbols",
        "libbpf",
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"proc_sys_kernel_osrelease": "5.15.0"}, ("kernel", "version 5.15.0", "boot Linux 6.1 or newer")),
        ({"proc_sys_kernel_osrelease": None}, ("kernel", "version unknown", "boot Linux 6.1 or newer")),
        (
            {"sys_kernel_security_lsm": "lockdown,yama"},
            ("BPF LSM", "bpf is not among lockdown,yama", "add lsm=lockdown,yama,bpf to the kernel command line"),
        ),
        (
            {"sys_kernel_security_lsm": "bpfx,yama"},
            ("BPF LSM", "bpf is not among bpfx,yama", "add lsm=bpfx,yama,bpf to the kernel command line"),
        ),
        (
            {"sys_kernel_security_lsm": None},
            (
                "BPF LSM",
                "/sys/kernel/security/lsm is not there",
                "mount securityfs (mount -t securityfs securityfs /sys/kernel/security), then check again",
            ),
        ),
        (
            {"proc_kallsyms": "0000000000000000 A fixed_percpu_data\n0000000000000000 T _text\n"},
            ("symbols", "/proc/kallsyms hides addresses", "sysctl kernel.kptr_restrict=1"),
        ),
        (
            {"proc_kallsyms": None},
            ("symbols", "/proc/kallsyms is not there", "boot a kernel built with CONFIG_KALLSYMS_ALL=y"),
        ),
        (
            {"sys_kernel_btf_vmlinux": None},
            (
                "BTF",
                "/sys/kernel/btf/vmlinux is not there",
                "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y",
            ),
        ),
        (
            {"proc_self_mounts": "t /sys/fs/cgroup tmpfs rw 0 0\nc /sys/fs/cgroup/cpu cgroup rw 0 0\n" + MOUNTS[-27:]},
            (
                "cgroup v2",
                "/sys/fs/cgroup is version 1",
                "add systemd.unified_cgroup_hierarchy=1 to the kernel command line",
            ),
        ),
        (
            {"proc_self_mounts": MOUNTS.replace("/sys/fs/cgroup", "/sys/fs/cgroup/unified")},
            (
                "cgroup v2",
                "/sys/fs/cgroup is hybrid: version 2 is at /sys/fs/cgroup/unified only",
                "add systemd.unified_cgroup_hierarchy=1 to the kernel command line",
            ),
        ),
        (
            {"proc_self_mounts": MOUNTS[-27:]},
            ("cgroup v2", "nothing is mounted at /sys/fs/cgroup", "mount -t cgroup2 cgroup2 /sys/fs/cgroup"),
        ),
        (
            {"proc_self_mounts": MOUNTS[:-27]},
            ("bpf file system", "none is mounted at /sys/fs/bpf", "mount -t bpf bpf /sys/fs/bpf"),
        ),
        (
            {"proc_self_status": "CapEff:\t0000000000200000\n"},
            ("capabilities", "lacking CAP_SYSLOG, CAP_PERFMON, CAP_BPF", "run it as root, or grant them"),
        ),
        (
            {"proc_self_uid_map": "0 1000 1\n"},
            ("capabilities", "they are those of a user namespace", "run it outside of user namespaces"),
        ),
    ],
)
def test_one_thing_is_lacking(tmp_path: Path, given: dict[str, str | None], expected: tuple[str, str, str]) -> None:
    assert lacking(check(tmp_path, (1, 1), **given)) == [expected]


def test_an_old_libbpf_or_none(tmp_path: Path) -> None:
    assert lacking(check(tmp_path, (0, 8)))[0][:2] == ("libbpf", "version 0.8")

    def none() -> tuple[int, int]:
        raise KernelError(2, "libbpf.so.1 cannot be loaded")

    found = run(tmp_path, none)[-1]
    assert (found.found, found.ok) == ("libbpf.so.1 cannot be loaded", False)


def test_a_node_that_has_nothing(tmp_path: Path) -> None:
    assert len(lacking({one.name: one for one in run(tmp_path, lambda: (0, 1))})) == 8
