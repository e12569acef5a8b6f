"""Every way around a policy that is tried, what comes of it, and the page that says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from support.kernels import KERNELS

REFUSED, OPEN = "refused", "open"
BASES = ("/b", "/mnt/ext4/b")
"""On an overlay, as in a container's image, and on ext4, as on a volume."""
CANNOT_BE_TRIED = (("nameless_file_linked_in", "/b", "6.1"),)
"""Trick, base and kernel: overlays make no nameless files before 6.3."""


@dataclass(frozen=True, slots=True)
class Trick:
    """`name` is a function of inside/tricks.py; `by` says what refuses it, or why it stays open and what closes it."""

    name: str
    what: str
    by: str
    verdict: str = REFUSED
    policy: str = "block"
    bases: tuple[str, ...] = BASES


def policies(base: str) -> Mapping[str, Mapping[str, Any]]:
    """Block rules only; and the same things with an allow-list of programs."""
    block = {
        "action": "Block",
        "process": {"matchPaths": [{"path": f"{base}/bin/tool"}, {"path": f"{base}/bin/dynamic"}]},
        "file": {
            "matchPaths": [
                {"path": f"{base}/secret/key"},
                {"path": f"{base}/deep/a/b/key"},
                {"path": f"{base}/deep/{'/'.join('d' * 60)}/key"},
            ],
            "matchDirectories": [
                {"dir": f"{base}/conf/", "recursive": True, "readOnly": True},
                {"dir": f"{base}/deep/{'n' * 250}/"},
            ],
        },
    }
    programs = [{"dir": folder, "recursive": True} for folder in ("/usr/", "/opt/")]
    return {"block": block, "list": {"action": "Allow", "process": {"matchDirectories": programs}}}


_NAME = "the path of the file itself is judged, not the name that was given"
_LABEL = "the label of a task is inherited and never taken away"
_RENAME = "a ruled name is not given away: rename asks for the old name, too"
_MOUNT = "no mounts by tasks under a policy that speaks of paths"
_COPY = "a copy has another name: an allow-list of programs refuses it"

TRICKS = (
    Trick("plain_read", "read the file", "the rule"),
    Trick("plain_exec", "run the program", "the rule"),
    Trick("plain_write", "write below a readOnly directory", "the rule"),
    Trick("unshare_mounts", "a mount namespace of one's own", _LABEL),
    Trick("unshare_pids", "a pid namespace of one's own", _LABEL),
    Trick("unshare_user", "a user namespace, and all capabilities in it", _LABEL),
    Trick("unshare_cgroup", "a cgroup namespace of one's own", _LABEL),
    Trick("setns_of_another", "the mount namespace of a process outside", _LABEL),
    Trick("leave_the_cgroup", "move to the root cgroup", _LABEL),
    Trick("clone_into_another_cgroup", "a child that starts in the root cgroup", _LABEL),
    Trick("double_fork", "a daemon that no longer has its parent", _LABEL),
    Trick("change_root", "chroot, so that the path is another", "paths are walked to the root of the mount namespace"),
    Trick("change_root_exec", "chroot, then run", "paths are walked to the root of the mount namespace"),
    Trick("pivot_the_root", "pivot_root, so that the path is another", _MOUNT),
    Trick("trace_a_process_outside", "ptrace a process in no container", "only tasks of the same workload are traced"),
    Trick("write_to_the_memory_of_a_process_outside", "its /proc/PID/mem", "the same check as for ptrace"),
    Trick(
        "maps_of_the_enforcer", "bpf(2): the enforcer's own maps by their ids", "no maps, programs or links of others"
    ),
    Trick("symbolic_link", "a symbolic link to the file", _NAME),
    Trick("symbolic_link_exec", "a symbolic link to the program", _NAME),
    Trick("hard_link", "a hard link to the file", "link asks for the old name"),
    Trick("hard_link_exec", "a hard link to the program", "a blocked program keeps its name"),
    Trick("rename_the_file", "rename the file", _RENAME),
    Trick("rename_the_program", "rename the program", "a blocked program keeps its name"),
    Trick("rename_the_parent", "rename the directory of the file", "a directory above a ruled path keeps its name"),
    Trick("rename_the_parent_of_the_program", "rename the directory of the program", "the same"),
    Trick("rename_a_directory_with_a_ruled_one_below", "rename a directory further up", "the same"),
    Trick("exchange_names", "renameat2 with RENAME_EXCHANGE", _RENAME),
    Trick("bind_mount", "mount its directory elsewhere", _MOUNT),
    Trick("overlay_mount", "an overlay over its directory", _MOUNT),
    Trick("detached_mount", "open_tree, and a path in what no namespace holds", "a path that cannot be told is denied"),
    Trick("descriptor_of_proc", "O_PATH, then /proc/self/fd", _NAME),
    Trick("root_of_proc", "/proc/self/root", _NAME),
    Trick("relative_to_a_directory", "openat from its directory", _NAME),
    Trick("dots_and_slashes", "//secret/../secret/./key", _NAME),
    Trick("open_by_handle", "open_by_handle_at", _NAME, bases=BASES[1:]),
    Trick("io_uring_open", "IORING_OP_OPENAT", "io_uring's workers are the task's children"),
    Trick("descriptor_passed", "a descriptor from another process inside", "who opens it is asked"),
    Trick("loader_runs_the_program", "ld.so PROGRAM", "mapping a blocked program is refused"),
    Trick("map_then_protect", "map its text, then mprotect", "mprotect of a blocked program is refused"),
    Trick("script_with_it_as_interpreter", "#!PROGRAM", "each interpreter is asked about"),
    Trick("exec_of_a_descriptor", "execveat of a descriptor", _NAME),
    Trick("copy_of_the_program", "a copy of the program", _COPY, OPEN),
    Trick("copy_of_the_program", "a copy of the program, programs allow-listed", "not on the list", policy="list"),
    Trick("program_in_memory", "a memfd with the program", "it has no name: `filelessExec` or an allow-list", OPEN),
    Trick("program_in_memory", "a memfd, programs allow-listed", "what has no name is on no list", policy="list"),
    Trick("deleted_program", "a copy that is deleted, by its descriptor", _COPY, OPEN),
    Trick("deleted_program", "the same, programs allow-listed", "what has no name is on no list", policy="list"),
    Trick("deep_path", "60 components more", "up to 256 are walked, more are denied"),
    Trick("long_name", "a name of 250 bytes", "names are hashed whole"),
    Trick("truncate", "truncate(2) below a readOnly directory", "path_truncate"),
    Trick("open_truncates", "open with O_TRUNC for reading", "file_truncate, before 6.2 path_truncate"),
    Trick("shared_mapping", "a writable shared mapping", "opening for writing is refused"),
    Trick("change_mode", "chmod", "path_chmod"),
    Trick("change_owner", "chown", "path_chown"),
    Trick("new_file", "mkdir", "path_mkdir"),
    Trick("nameless_file_linked_in", "O_TMPFILE, then linkat", "path_link asks for the new name"),
    Trick("replace_by_rename", "rename another file over it", "path_rename asks for the new name"),
    Trick("remove", "unlink", "path_unlink"),
)


def _where(trick: Trick, kernel: str) -> str:
    lacks = [base for base in BASES if base not in trick.bases or (trick.name, base, kernel) in CANNOT_BE_TRIED]
    return f"{kernel} (ext4 only)" if BASES[0] in lacks else kernel


def page() -> str:
    """docs/bypasses.md: the tests hold it against what guests do."""
    lines = [
        "# Ways around a policy",
        "",
        "What a task inside a container can try, all capabilities given, and what comes of it. Each line is a test of",
        "`tests/guest/test_bypasses.py` with each of the kernels that it names, on an overlay (a container's image)",
        "and on ext4 (a volume); on ext4 only where an overlay lacks what the trick needs: handles of files, or",
        "nameless files, which it has since 6.3. Each trick is first seen to work without a policy. The tests write",
        "this page.",
        "",
        "| trick | verdict | kernels | why |",
        "|---|---|---|---|",
    ]
    for one in TRICKS:
        verdict = f"**{one.verdict}**" if one.verdict == OPEN else one.verdict
        lines.append(f"| {one.what} | {verdict} | {', '.join(_where(one, k) for k in KERNELS)} | {one.by} |")
    lines += [
        "",
        "Open by design, too: a descriptor that was opened before the policy came stays open (the verdict is at open).",
        "A deny of exec for one source does not follow `ld.so`, as rules without a source do. [More](threat-model.md).",
        "",
    ]
    return "\n".join(lines)
