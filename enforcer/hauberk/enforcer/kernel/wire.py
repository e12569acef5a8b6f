"""Every byte that crosses between user space and the programs: the twin of `bpf/wire.h`.

All values are little-endian and laid out without hidden padding; a test compares sizes and offsets with the BTF
of the object.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any

COMPONENTS = 256
NAME_WORDS = 32
NAME_BYTES = 255
SETS = 8
LEVELS = 32

KEY = struct.Struct("<Q")
SLOT = struct.Struct("<I")
CELL = struct.Struct("<8I")
HEADER = struct.Struct("<QQ5I28x")
VALUE_BYTES = 64
STATE = struct.Struct("<512sI4x")
SETTINGS = struct.Struct("<QIIQII")
CONTAINER = struct.Struct("<I4x")
RECORD = struct.Struct("<QQ4I3I2IIiI4x4B3H2x16s")
SEED = struct.Struct(f"<Q{NAME_WORDS}Q{NAME_WORDS}Q")
CONSTANTS = struct.Struct(f"<IIII{SEED.size}s")
VERSION = 2


class Kind(IntEnum):
    """What a key of a policy stands for (`enum hbk_kind`)."""

    HEADER = 1
    EXACT = 2
    NAME = 3
    GLOB = 4
    NEAR = 5
    FAR = 6
    ABOVE = 7
    MEMORY = 8
    PROTOCOL = 9
    TYPE = 10
    ALL = 11
    CAPABILITY = 12


class Area(IntEnum):
    """A domain of the semantics (`enum hbk_domain`)."""

    PROCESS = 1
    FILE = 2
    NETWORK = 3
    CAPABILITIES = 4


class Side(IntEnum):
    """Which cell of a value an access reads (`enum hbk_side`)."""

    READ = 0
    CHANGE = 1


class Operation(IntEnum):
    """`enum hbk_op`."""

    EXEC = 1
    READ = 2
    WRITE = 3
    MODIFY = 4
    NETWORK = 5
    CAPABILITY = 6
    MOUNT = 7
    PTRACE = 8
    BPF = 9


class How(IntEnum):
    """By which hook, where several have one operation (`enum hbk_how`)."""

    NONE = 0
    MKNOD = 1
    MKDIR = 2
    SYMLINK = 3
    UNLINK = 4
    RMDIR = 5
    RENAME = 6
    LINK = 7
    TRUNCATE = 8
    CHMOD = 9
    CHOWN = 10
    MAP = 11
    SOCKET = 12
    CONNECT = 13
    ACCEPT = 14
    MOVE_MOUNT = 15
    PIVOT_ROOT = 16


class Fault(IntFlag):
    """What tests make fail (`enum hbk_fault`)."""

    NAME = 1
    PATTERN = 2
    TORN = 4


class Reason(IntEnum):
    """Why an access is reported (`enum hbk_reason`)."""

    RULE = 1
    POSTURE = 2
    WATCH = 3
    GUARD = 4
    CANNOT_TELL = 5


class Flag(IntFlag):
    """Flags of a header (`enum hbk_flag`)."""

    LISTED = 1
    BLOCKS = 2
    NAMES = 4
    GLOBS = 8
    MEMORIES = 16
    GUARDS = 32
    ABOVES = 64


class Counter(IntEnum):
    """`enum hbk_counter`."""

    DENIED = 0
    LOST = 1
    SUPPRESSED = 2
    NO_STORAGE = 3
    NO_SCRATCH = 4
    NO_PATH = 5
    TOO_DEEP = 6
    UNTOLD = 7
    TORN = 8


@dataclass(frozen=True, slots=True)
class Settings:
    """What user space tells the programs (`struct hbk_settings`); `window` in ns, no bound with a `burst` of 0.

    With `observe`, nothing is denied, and what would be is reported.
    """

    registry: int = 0
    levels: int = 0
    node: int = 0
    window: int = 0
    burst: int = 0
    observe: int = 0

    def pack(self) -> bytes:
        return SETTINGS.pack(self.registry, self.levels, self.node, self.window, self.burst, self.observe)

    @classmethod
    def unpack(cls, data: bytes) -> Settings:
        return cls(*SETTINGS.unpack(data))


@dataclass(frozen=True, slots=True)
class Record:
    """One report of the kernel; `rule` is the number of a rule, or of a set of Audit rules for `Reason.WATCH`.

    `policy` is the id of the policy's map, of which `rule` is a number, 0 where no policy was asked.

    `time` is in ns since boot, `cgroup` the id of the task's cgroup, pids are the node's but for `inner_*`.
    """

    time: int
    cgroup: int
    slot: int
    policy: int
    rule: int
    suppressed: int
    pid: int
    tgid: int
    ppid: int
    inner_pid: int
    inner_ppid: int
    uid: int
    result: int
    number: int
    op: Operation
    how: How
    reason: Reason
    cut: bool
    resource: str
    program: str
    parent: str
    comm: str


def unpack_record(data: bytes) -> Record:
    """The record that a program wrote.

    Raises:
        ValueError: the bytes are no record of this version.

    """
    if len(data) < RECORD.size:
        raise ValueError(f"a record has at least {RECORD.size} bytes, this one {len(data)}")
    fields: tuple[Any, ...] = RECORD.unpack_from(data)
    op, how, reason, cut, resource, program, parent, comm = fields[-8:]
    texts = data[RECORD.size :]
    if len(texts) < resource + program + parent:
        raise ValueError(f"a record of {resource + program + parent} bytes of text was cut to {len(texts)}")
    first, second = resource, resource + program
    values: list[Any] = [
        *fields[:-8],
        Operation(op),
        How(how),
        Reason(reason),
        bool(cut),
        _text(texts[:first]),
        _text(texts[first:second]),
        _text(texts[second : second + parent]),
        _text(comm.split(b"\0", 1)[0]),
    ]
    return Record(*values)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
