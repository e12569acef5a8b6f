"""Links in the paths of rules: the kernel judges by resolved names, so a rule on /bin/ls must be one on /usr/bin/ls.

Pure but for `Links`, which looks into a root file system that it is given.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from hauberk.policy.model import Directory, Matcher, Pattern, Policy, Program, Rule
from hauberk.policy.problems import HauberkError

Resolve = Callable[[str], str]
"""A path as written -> as the kernel knows it. Directories end with a slash before and after."""

_MOST_LINKS = 40
"""As the kernel counts (include/linux/namei.h, MAXSYMLINKS)."""
_NO_LINK = (errno.EINVAL, errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.ESRCH)
"""What is there is no link, or nothing is there."""
_LITERAL = re.compile(r"/(?:[^*?\[{\\/]+/)+")
_PATH_DOMAINS = ("process", "file")


class UnreadableError(HauberkError):
    """Whether a path is a link cannot be seen: the kernel may know what is there by another name."""


def resolved(policy: Policy, resolve: Resolve) -> Policy:
    """The policy with every path, directory and source of its rules resolved; of a pattern, its literal beginning."""
    return replace(policy, rules=tuple(_rule(rule, resolve) for rule in policy.rules))


def written(policy: Policy) -> Iterator[str]:
    """What `resolved` asks about."""
    seen: list[str] = []

    def note(path: str) -> str:
        seen.append(path)
        return path

    resolved(policy, note)
    yield from dict.fromkeys(seen)


def _rule(rule: Rule, resolve: Resolve) -> Rule:
    sources = tuple(None if source is None else _path(source, resolve) for source in rule.sources)
    matcher = _matcher(rule.matcher, resolve) if rule.domain in _PATH_DOMAINS else rule.matcher
    if sources == rule.sources and matcher == rule.matcher:
        return rule
    return replace(rule, sources=sources, matcher=matcher)


def _matcher(matcher: Matcher, resolve: Resolve) -> Matcher:
    match matcher:
        case Program(path=str(path)):
            return replace(matcher, path=_pattern(path, resolve) if "*" in path else _path(path, resolve))
        case Directory(dir=text) if text.startswith("/") and text != "/":
            return replace(matcher, dir=resolve(text.rstrip("/") + "/"))
        case Pattern(pattern=text):
            return Pattern(_pattern(text, resolve))
        case _:
            return matcher


def _path(path: str, resolve: Resolve) -> str:
    return resolve(path) if path.startswith("/") and not path.endswith("/") else path


def _pattern(text: str, resolve: Resolve) -> str:
    found = _LITERAL.match(text)
    if found is None:
        return text
    beginning = resolve(found[0])
    # what it leads to may have characters that mean something in a pattern
    return beginning + text[found.end() :] if _LITERAL.fullmatch(beginning) else text


class Links:
    """Resolves in the root file system below a folder, whose own links never lead out of it."""

    def __init__(self, root: Path) -> None:
        self._root = os.fspath(root).rstrip("/")
        self._known: dict[str, str | None] = {}

    def __call__(self, path: str) -> str:
        """The path without links; what does not exist is kept, below parents that are resolved.

        Raises:
            UnreadableError: a folder on the way may not be looked into.

        """
        found = self._follow([part for part in path.split("/") if part])
        if found is None:
            return path
        return f"{found}/" if path.endswith("/") and found != "/" else found

    def _follow(self, parts: list[str]) -> str | None:
        """None for a circle of links."""
        waiting = parts[::-1]
        at: list[str] = []
        followed = 0
        while waiting:
            part = waiting.pop()
            if part == "..":
                at = at[:-1]
                continue
            if part == ".":
                continue
            target = self._target("/" + "/".join([*at, part]))
            if target is None:
                at.append(part)
                continue
            followed += 1
            if followed > _MOST_LINKS:
                return None
            if target.startswith("/"):
                at = []
            waiting += [part for part in target.split("/") if part][::-1]
        return "/" + "/".join(at)

    def _target(self, path: str) -> str | None:
        # what /proc links to depends on who asks
        if path.startswith("/proc/"):
            return None
        if path not in self._known:
            try:
                self._known[path] = os.readlink(self._root + path)  # noqa: PTH115  no Path of what may hold any byte
            except ValueError:
                self._known[path] = None
            except OSError as error:
                if error.errno not in _NO_LINK:
                    raise UnreadableError(f"whether {path} is a link cannot be seen: {error.strerror}") from None
                self._known[path] = None
        return self._known[path]
