"""First lines of scripts, as fs/binfmt_script.c reads them."""

from __future__ import annotations

import pytest

from hauberk.cli.image.content import content_of
from hauberk.policy.images import Content, Elf, Script
from support.images import elf


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"#!/bin/sh\n", Script("/bin/sh")),
        (b"#! /bin/sh -e \nset", Script("/bin/sh", "-e")),
        (b"#!/usr/bin/env python3 -u\n", Script("/usr/bin/env", "python3 -u")),
        (b"#!\t/bin/awk\t-f\n", Script("/bin/awk", "-f")),
        (b"#!/bin/awk\t-f x\n", Script("/bin/awk", "-f x")),
        (b"#!/bin/sh", Script("/bin/sh")),
        (b"#!/bin/sh\0rest\n", Script("/bin/sh")),
        (b"#!/bin/" + b"x" * 300 + b"\n", None),
        (b"#!/bin/sh " + b"x" * 300 + b"\n", Script("/bin/sh", "x" * 246)),
        (b"#!\n/bin/sh", None),
        (b"#!   \n", None),
        (b"#!\xff\n", Script("\udcff")),
        (b"text", None),
        (b"", None),
    ],
)
def test_first_lines(data: bytes, found: Content) -> None:
    assert content_of(data) == found


def test_elf_files_are_looked_into() -> None:
    found = content_of(elf("libc.so.6"))
    assert isinstance(found, Elf)
    assert (found.interpreter, found.needed) == ("/lib64/ld.so", ("libc.so.6",))
