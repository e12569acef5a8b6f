"""What an image may cost: archives come from registries and merge requests, and are made small to unpack large."""

from __future__ import annotations

from hauberk.policy.problems import HauberkError

MIB = 1024 * 1024
MAX_PACKED = 16 * 1024 * MIB
"""Bytes of one image as it is stored."""

MAX_UNPACKED = 32 * 1024 * MIB
"""Bytes of all its layers when unpacked; none are kept, so this bounds time."""

MAX_MEMBERS = 1_000_000
"""Files, folders and links of all layers together."""

MAX_STEPS = 100_000_000
"""Folders and links on the way to all files of all layers."""

MAX_ARCHIVE_MEMBERS = 10_000
"""Members of the outer archive: blobs and descriptions."""

MAX_LAYERS = 512
MAX_PATH = 4096
MAX_JSON = 4 * MIB
"""Bytes of one description; registries accept no larger manifest."""

MAX_HEADER = MIB
"""Bytes of one tar header with its extensions."""

MAX_ELF = 256 * MIB
"""Bytes of a program or library that is looked into."""

MAX_ELFS = 100_000
MAX_TEXT = 64 * 1024
"""Bytes of a configuration file of the dynamic loader."""

MAX_LISTING = 10_000
"""Names of one folder."""


class ImageError(HauberkError):
    """Says what is wrong inside an image; whoever opened it adds its name."""


def damaged(what: str) -> ImageError:
    return ImageError(f"{what}: save or copy the image again")


def refused(what: str, limit: str) -> ImageError:
    return ImageError(f"{what} (at most {limit} are read): give the root file system as a folder instead")


class HeaderBudget:
    """What one tar header with its extensions may still read."""

    def __init__(self) -> None:
        self._left = MAX_HEADER

    def spend(self, size: int) -> None:
        """Raises ImageError for more than is left, and for a size below zero, which means all there is."""
        self._left -= size
        if size < 0 or self._left < 0:
            raise refused("a member's header is too long", f"{MAX_HEADER} bytes")
