"""What a file is to the kernel that is asked to run it: its first bytes, as fs/binfmt_script.c and binfmt_elf.c do."""

from __future__ import annotations

from hauberk.cli.image import elf
from hauberk.policy.images import Content, Script

HEAD = 256
"""BINPRM_BUF_SIZE (include/uapi/linux/binfmts.h): the kernel looks no further for `#!`."""

ELF_MAGIC = b"\x7fELF"


def content_of(data: bytes) -> Content:
    """`data` is the whole of an ELF file; of any other the first 256 bytes are enough."""
    if data.startswith(ELF_MAGIC):
        return elf.parse(data)
    return script_of(data[:HEAD])


def script_of(head: bytes) -> Script | None:
    if not head.startswith(b"#!"):
        return None
    line, newline, _ = head[2:].partition(b"\n")
    line = line.partition(b"\0")[0].strip(b" \t")
    words = line.split(None, 1) if b"\t" not in line else line.replace(b"\t", b" ", 1).split(b" ", 1)
    if not words or not words[0]:
        return None
    if not newline and len(words) == 1 and len(head) == HEAD:
        return None  # a name that was cut off is not run
    texts = [word.decode("utf-8", "surrogateescape") for word in words]
    return Script(texts[0], texts[1].strip(" \t") if len(texts) > 1 else "")
