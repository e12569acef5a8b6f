"""`hauberk-enforcer check`: what a node lacks to enforce, each with its remedy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hauberk.enforcer.kernel.errors import KernelError

ROOT = Path("/")
OLDEST_KERNEL = (6, 1)
OLDEST_LIBBPF = (1, 1)
_CAPABILITIES = {"CAP_SYS_ADMIN": 21, "CAP_SYSLOG": 34, "CAP_PERFMON": 38, "CAP_BPF": 39}
_FIRST_CODE = "_text"
"""Of the symbols with an address of their own, an early one: what is before it counts from 0 for each processor."""
_ALL_USERS = ("0", "0", "4294967295")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is needed: what was found of it; `remedy` is "" when that is enough."""

    name: str
    found: str
    remedy: str = ""

    @property
    def ok(self) -> bool:
        return not self.remedy


def libbpf_version() -> tuple[int, int]:
    """Of the node's library; loads it."""
    from hauberk.enforcer.kernel import libbpf

    return libbpf.version()


def run(root: Path = ROOT, libbpf: Callable[[], tuple[int, int]] = libbpf_version) -> list[Finding]:
    """Everything that is needed, in the order in which a node's owner would mend it."""
    return [
        _kernel(root),
        _hooks(root),
        _types(root),
        _cgroups(root),
        _pins(root),
        _rights(root),
        _symbols(root),
        _library(libbpf),
    ]


def _kernel(root: Path) -> Finding:
    release = _read(root / "proc/sys/kernel/osrelease").strip()
    found = re.match(r"(\d+)\.(\d+)", release)
    if found and (int(found[1]), int(found[2])) >= OLDEST_KERNEL:
        return Finding("kernel", release)
    return Finding("kernel", f"version {release or 'unknown'}", "boot Linux 6.1 or newer")


def _hooks(root: Path) -> Finding:
    path = root / "sys/kernel/security/lsm"
    modules = _read(path).strip()
    if "bpf" in modules.split(","):
        return Finding("BPF LSM", modules)
    if not path.exists():
        remedy = "mount securityfs (mount -t securityfs securityfs /sys/kernel/security), then check again"
        return Finding("BPF LSM", "/sys/kernel/security/lsm is not there", remedy)
    line = ",".join([*filter(None, modules.split(",")), "bpf"])
    return Finding(
        "BPF LSM", f"bpf is not among {modules or 'no modules'}", f"add lsm={line} to the kernel command line"
    )


def _types(root: Path) -> Finding:
    path = root / "sys/kernel/btf/vmlinux"
    if path.exists():
        return Finding("BTF", "/sys/kernel/btf/vmlinux")
    return Finding("BTF", "/sys/kernel/btf/vmlinux is not there", "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y")


def _cgroups(root: Path) -> Finding:
    mounts = _mounts(root)
    at = "/sys/fs/cgroup"
    if mounts.get(at) == "cgroup2":
        return Finding("cgroup v2", at)
    remedy = "add systemd.unified_cgroup_hierarchy=1 to the kernel command line"
    if "cgroup2" in mounts.values():
        other = next(place for place, kind in mounts.items() if kind == "cgroup2")
        return Finding("cgroup v2", f"{at} is hybrid: version 2 is at {other} only", remedy)
    if "cgroup" in mounts.values():
        return Finding("cgroup v2", f"{at} is version 1", remedy)
    return Finding("cgroup v2", f"nothing is mounted at {at}", f"mount -t cgroup2 cgroup2 {at}")


def _pins(root: Path) -> Finding:
    at = "/sys/fs/bpf"
    if _mounts(root).get(at) == "bpf":
        return Finding("bpf file system", at)
    return Finding("bpf file system", f"none is mounted at {at}", f"mount -t bpf bpf {at}")


def _rights(root: Path) -> Finding:
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", _read(root / "proc/self/status"), re.MULTILINE)
    held = int(found[1], 16) if found else 0
    lacking = [name for name, bit in _CAPABILITIES.items() if not held >> bit & 1]
    if lacking:
        return Finding("capabilities", f"lacking {', '.join(lacking)}", "run it as root, or grant them")
    users = _read(root / "proc/self/uid_map").split()
    if users and tuple(users) != _ALL_USERS:
        return Finding("capabilities", "they are those of a user namespace", "run it outside of user namespaces")
    return Finding("capabilities", ", ".join(_CAPABILITIES))


def _symbols(root: Path) -> Finding:
    """The programs look at the kernel's lock of renames; they are told its address (kernel/kallsyms.c, s_show)."""
    path = root / "proc/kallsyms"
    try:
        with path.open(encoding="ascii", errors="replace") as lines:
            found = next((line.split()[0] for line in lines if line.split()[2:3] == [_FIRST_CODE]), "")
    except OSError:
        found = ""
    if not found:
        return Finding("symbols", "/proc/kallsyms is not there", "boot a kernel built with CONFIG_KALLSYMS_ALL=y")
    if not int(found, 16):
        return Finding("symbols", "/proc/kallsyms hides addresses", "sysctl kernel.kptr_restrict=1")
    return Finding("symbols", "/proc/kallsyms")


def _library(libbpf: Callable[[], tuple[int, int]]) -> Finding:
    install = "install libbpf 1.1 or newer (Debian: apt install libbpf1)"
    try:
        version = libbpf()
    except KernelError as error:
        return Finding("libbpf", error.asked, install)
    shown = f"version {version[0]}.{version[1]}"
    return Finding("libbpf", shown, "" if version >= OLDEST_LIBBPF else install)


def _mounts(root: Path) -> dict[str, str]:
    """Kind of file system by mount point, the last one mounted there."""
    return {fields[1]: fields[2] for fields in _lines(root / "proc/self/mounts")}


def _lines(path: Path) -> Iterator[list[str]]:
    for line in _read(path).splitlines():
        fields = line.split()
        if len(fields) > 2:
            yield fields


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
