"""Canonical forms of paths and directories as text; no file system is asked."""

from __future__ import annotations


def _parts(text: str) -> list[str]:
    if text[:1] == "/" and "//" not in text and "/." not in text and text[-1:] > " ":
        return [part for part in text.split("/") if part]
    parts: list[str] = []
    for part in text.strip().split("/"):
        if part == "..":
            if parts:
                parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return parts


def canonical_path(text: str) -> str:
    """Absolute, without `//`, `.`, `..`, blanks at the ends and final slashes; "" when nothing is left."""
    parts = _parts(text)
    return "/" + "/".join(parts) if parts else ""


def canonical_directory(text: str) -> str:
    """As `canonical_path`, with a final slash; `/` for the root."""
    parts = _parts(text)
    return "/" + "/".join(parts) + "/" if parts else "/"
