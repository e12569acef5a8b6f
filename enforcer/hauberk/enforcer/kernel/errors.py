"""What the kernel side refuses with. Apart from the modules that raise it: those need libbpf to be imported."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence


class KernelError(OSError):
    """A call of libbpf that failed: errno, what was asked, and the last lines that libbpf said about it."""

    def __init__(self, number: int, asked: str, log: Sequence[str] = ()) -> None:
        super().__init__(number, os.strerror(number))
        self.asked = asked
        self.log = tuple(log)

    @property
    def line(self) -> str:
        """What was asked and what came of it, without libbpf's lines."""
        name = errno.errorcode.get(self.errno or 0, str(self.errno))
        return f"{self.asked}: {self.strerror} ({name})"

    def __str__(self) -> str:
        return "\n".join([self.line, *self.log])


class NotOursError(ValueError):
    """What is pinned where ours should be, or an object file, is something else or of another version."""


class TooLargeError(ValueError):
    """What is to be enforced would take more of the kernel's memory than is allowed."""
