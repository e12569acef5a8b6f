"""Text of files and messages as it may be shown: what would steer a terminal or a log is spelled out."""

from __future__ import annotations

import re

# C0 and C1 controls but the tab, and the marks that reorder text (https://trojansource.codes)
_STEERING = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """The text with the code of each such character in its place."""
    return _STEERING.sub(lambda found: _spelled(found[0]), text)


def _spelled(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
