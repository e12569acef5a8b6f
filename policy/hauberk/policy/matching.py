"""Sets of targets, as both models need them, and what an access looks like to a model.

A matcher is a value, so that other stages can read it (build an automaton of it, write it into a kernel map);
`hits` says whether one subject is in the set. What cannot match anything is never made a matcher: compilers
drop it.
"""

from __future__ import annotations

from dataclasses import dataclass

from hauberk.policy.model import Access, Model
from hauberk.policy.patterns import recognizer

# Bounds of KubeArmor's programs (semantics 5.2).
SEEN_COMPONENTS = 20
SEEN_BYTES = 199
NAME_BYTES = 63

_NUMBER_OF_DEFAULT = {"stream": 6, "dgram": 17, "seqpacket": 132}


@dataclass(frozen=True, slots=True)
class Subject:
    """What matchers look at; `text` is a path, a domain name or a capability as the model sees it.

    `target` is the path uncut, for presets: these are other programs, with none of the bounds.
    """

    text: str = ""
    target: str = ""
    name: str = ""
    path: bool = False
    socket_type: str = ""
    protocol: int = 0


def subject_of(model: Model, access: Access) -> Subject:
    """The target as `model` sees it: kubearmor's programs cut paths and names."""
    target = access.target
    match access.op:
        case "network":
            return Subject(socket_type=access.type, protocol=socket_protocol(access.type, access.protocol))
        case "dns":
            return Subject(target.lower() if model is Model.HAUBERK else cut(target, NAME_BYTES))
        case "capability":
            return Subject(capability_name(target))
        case _:
            name = target[target.rfind("/") + 1 :]
            path = target.startswith("/")
            if model is Model.HAUBERK:
                return Subject(target, target, name, path)
            # The component is read from the directory entry, not from the path that was cut.
            return Subject(seen(target), target, cut(name, SEEN_BYTES), path)


def socket_protocol(socket_type: str, protocol: int) -> int:
    """The protocol a socket speaks; 0 asks the type for its default (semantics 4.1.1)."""
    return protocol or _NUMBER_OF_DEFAULT.get(socket_type, 0)


def capability_name(text: str) -> str:
    return text.lower().removeprefix("cap_")


def octets(text: str) -> bytes:
    """The bytes the kernel has; never raises, as YAML and JSON can carry lone surrogates."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def cut(text: str, size: int) -> str:
    """The first `size` bytes."""
    if len(text) <= size and text.isascii():
        return text
    return octets(text)[:size].decode("utf-8", "surrogateescape")


def seen(path: str) -> str:
    """A path as KubeArmor's programs see it: its last 20 components, and of these the first 199 bytes."""
    if path.count("/") > SEEN_COMPONENTS:
        path = "/" + "/".join(path.split("/")[-SEEN_COMPONENTS:])
    return cut(path, SEEN_BYTES)


@dataclass(frozen=True, slots=True)
class Anything:
    def hits(self, subject: Subject) -> bool:  # noqa: ARG002  one signature for all matchers
        return True


@dataclass(frozen=True, slots=True)
class Pathless:
    """Targets without a path: pipes, sockets, memfd; with `root`, also `/`."""

    root: bool = False

    def hits(self, subject: Subject) -> bool:
        return not subject.path or (self.root and subject.text == "/")


@dataclass(frozen=True, slots=True)
class Exact:
    path: str

    def hits(self, subject: Subject) -> bool:
        return subject.text == self.path and subject.path


@dataclass(frozen=True, slots=True)
class Named:
    """The last component."""

    name: str

    def hits(self, subject: Subject) -> bool:
        return subject.name == self.name and subject.path


@dataclass(frozen=True, slots=True)
class Glob:
    """A well-formed pattern; with `name`, the last component must be that too."""

    pattern: str
    name: str | None = None

    def hits(self, subject: Subject) -> bool:
        if not subject.path or (self.name is not None and subject.name != self.name):
            return False
        found = recognizer(self.pattern)
        return found is not None and found.accepts(subject.text)


@dataclass(frozen=True, slots=True)
class Below:
    """Children of `dir` (it ends with `/`), with `deep` anything below it, with `itself` the directory too.

    With `window`, a child is what has no further `/` among the first `window` bytes of the path.
    """

    dir: str
    deep: bool
    itself: bool = True
    window: int | None = None

    def hits(self, subject: Subject) -> bool:
        text = subject.text
        if not subject.path or not text.startswith(self.dir):
            return self.itself and subject.path and text + "/" == self.dir
        if len(text) == len(self.dir):
            return self.itself and text == "/"
        if self.deep:
            return True
        if self.window is None or text.isascii():
            return text.find("/", len(self.dir), self.window) < 0
        return octets(text).find(b"/", len(octets(self.dir)), self.window) < 0


@dataclass(frozen=True, slots=True)
class OtherProcess:
    """`/proc/<pid>/environ`, or with `whole` anything below `/proc/<pid>/`."""

    whole: bool

    def hits(self, subject: Subject) -> bool:
        parts = subject.target.split("/", 3)
        if len(parts) < 4 or parts[:2] != ["", "proc"] or not (parts[2].isascii() and parts[2].isdigit()):
            return False
        return bool(parts[3]) if self.whole else parts[3] == "environ"


@dataclass(frozen=True, slots=True)
class InMemory:
    """Programs of no file system on a disk: without a path, or below the shared memory mounts."""

    def hits(self, subject: Subject) -> bool:
        return not subject.path or subject.target.startswith(("/dev/shm/", "/run/shm/"))  # noqa: S108  no file is made


@dataclass(frozen=True, slots=True)
class SocketType:
    type: str

    def hits(self, subject: Subject) -> bool:
        return subject.socket_type == self.type


@dataclass(frozen=True, slots=True)
class SocketProtocol:
    number: int

    def hits(self, subject: Subject) -> bool:
        return subject.protocol == self.number


@dataclass(frozen=True, slots=True)
class DomainBelow:
    """One of `names` or below it, with at most `depth` labels more."""

    names: tuple[str, ...]
    depth: int | None = None

    def hits(self, subject: Subject) -> bool:
        text = subject.text
        for name in self.names:
            if text == name:
                return True
            if text.endswith(name) and text[-len(name) - 1] == ".":
                return self.depth is None or text.count(".", 0, -len(name)) <= self.depth
        return False


@dataclass(frozen=True, slots=True)
class Capable:
    name: str

    def hits(self, subject: Subject) -> bool:
        return subject.text == self.name


Target = (
    Anything
    | Pathless
    | Exact
    | Named
    | Glob
    | Below
    | OtherProcess
    | InMemory
    | SocketType
    | SocketProtocol
    | DomainBelow
    | Capable
)
