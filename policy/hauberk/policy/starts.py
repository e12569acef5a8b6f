"""Which programs run when a container, a probe or a hook starts: scripts, their interpreters, what env looks up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hauberk.policy.containers import Command, Container
from hauberk.policy.imagepaths import below, file_at, find_program
from hauberk.policy.images import Content, Image, Script

MAX_INTERPRETERS = 5
"""How often exec_binprm of the kernel (fs/exec.c) takes another file in place of the one it was given."""


@dataclass(frozen=True, slots=True)
class Start:
    """One exec: the real path, who asks for it (None: the runtime, from outside), its argv, and what the file is.

    `field` is where the command is written; `content` is None also where a volume hides what the image has.
    """

    field: str
    program: str
    source: str | None
    argv: tuple[str, ...]
    content: Content


def starts(image: Image, container: Container) -> Iterator[Start]:
    """All that the manifest and the image start, in the order of the manifest."""
    for command in (*_main(image, container), *container.commands):
        yield from _chain(image, container, command)


def _main(image: Image, container: Container) -> Iterator[Command]:
    """The container's own process, by the kubelet's rules: a command of the manifest drops the image's arguments."""
    config = image.config
    given = container.args
    if container.command is not None:
        yield Command("command", (*container.command, *(given or ())))
    elif config.entrypoint:
        yield Command("the image's entrypoint", (*config.entrypoint, *(config.command if given is None else given)))
    elif given is not None:
        yield Command("args", given)
    elif config.command:
        yield Command("the image's command", config.command)


def _chain(image: Image, container: Container, command: Command) -> Iterator[Start]:
    name = command.argv[0]
    # what the kubelet puts in place of $(NAME) is not always known here
    if not name or "$(" in name:
        return
    search = container.path if container.path is not None else image.config.path
    folder = container.working_dir or image.config.working_dir or "/"
    if name.startswith("/") and below(name, container.mounts):
        yield Start(command.field, name, None, command.argv, None)
        return
    found = find_program(image, name, search, folder)
    if found is None:
        return
    yield from _programs(image, command, found.path, (search, folder), container.mounts)


def _programs(
    image: Image, command: Command, path: str, where: tuple[str, str], mounts: tuple[str, ...]
) -> Iterator[Start]:
    source: str | None = None
    argv = command.argv
    for _ in range(MAX_INTERPRETERS + 1):
        content = None if below(path, mounts) else image.content(path)
        yield Start(command.field, path, source, argv, content)
        if not isinstance(content, Script):
            return
        found = file_at(image, content.interpreter, where[1])
        if found is None:
            return
        rest = (path, *argv[1:])
        argv = (content.interpreter, *((content.argument,) if content.argument else ()), *rest)
        if words := looked_up(content):
            # env is a program of its own: what it starts has env as its caller
            yield Start(command.field, found.path, source, argv, image.content(found.path))
            source, found = found.path, find_program(image, words[0], *where)
            if found is None:
                return
            argv = (*words, *rest)
        path = found.path


def interpreters(image: Image, path: str) -> tuple[str, ...]:
    """The real paths of what runs the script there, the last being the executable that the kernel sees."""
    found: list[str] = []
    content = image.content(path)
    for _ in range(MAX_INTERPRETERS):
        if not isinstance(content, Script):
            break
        words = looked_up(content)
        place = find_program(image, words[0], image.config.path, "/") if words else file_at(image, content.interpreter)
        if place is None:
            break
        found.append(place.path)
        content = image.content(place.path)
    return tuple(found)


def looked_up(script: Script) -> tuple[str, ...]:
    """The program that `#!/usr/bin/env NAME` looks up on PATH, with its arguments; empty where none can be told."""
    argument = script.argument
    if script.interpreter.rpartition("/")[2] != "env" or not argument:
        return ()
    if not argument.startswith("-"):
        # the kernel gives the rest of the line as one argument
        return () if "=" in argument else (argument,)
    for start in ("--split-string=", "--split-string ", "-S"):
        if argument.startswith(start):
            words = argument[len(start) :].split()
            while words and "=" in words[0]:
                words.pop(0)
            return tuple(words) if words and not words[0].startswith("-") else ()
    return ()
