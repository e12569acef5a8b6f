"""What runs when a container starts: scripts, interpreters, env, probes."""

from __future__ import annotations

import pytest

from hauberk.policy.containers import Command, Container
from hauberk.policy.images import Content, Elf, ImageConfig, Script
from hauberk.policy.starts import interpreters, looked_up, starts
from support.images import Memory

ELF = Elf("64", "/lib/ld.so")
FILES: dict[str, str | Content] = {
    "/entry.sh": Script("/bin/sh", "-e"),
    "/app.py": Script("/usr/bin/env", "python3"),
    "/bin": "-> usr/bin",
    "/usr/bin/sh": "-> dash",
    "/usr/bin/dash": ELF,
    "/usr/bin/env": ELF,
    "/usr/bin/python3": "-> python3.11",
    "/usr/bin/python3.11": ELF,
    "/usr/bin/ls": ELF,
    "/loop": Script("/loop"),
    "/broken": Script("/none"),
    "/nameless": Script("/usr/bin/env", "none"),
}


def run(container: Container, **config: tuple[str, ...] | str) -> list[tuple[str, str, str | None]]:
    image = Memory(FILES, ImageConfig(**config))  # type: ignore[arg-type]
    return [(start.field, start.program, start.source) for start in starts(image, container)]


def test_the_images_entrypoint_is_a_script() -> None:
    assert run(Container("c"), entrypoint=("/entry.sh",), command=("nginx",)) == [
        ("the image's entrypoint", "/entry.sh", None),
        ("the image's entrypoint", "/usr/bin/dash", None),
    ]


def test_the_arguments_that_each_program_gets() -> None:
    image = Memory(FILES, ImageConfig(("/entry.sh",), ("nginx", "-g")))
    assert [start.argv for start in starts(image, Container("c"))] == [
        ("/entry.sh", "nginx", "-g"),
        ("/bin/sh", "-e", "/entry.sh", "nginx", "-g"),
    ]
    image = Memory(FILES, ImageConfig(("/app.py",), ("x",)))
    assert [start.argv for start in starts(image, Container("c"))] == [
        ("/app.py", "x"),
        ("/usr/bin/env", "python3", "/app.py", "x"),
        ("python3", "/app.py", "x"),
    ]


def test_env_is_the_source_of_what_it_looks_up() -> None:
    assert run(Container("c", command=("/app.py",))) == [
        ("command", "/app.py", None),
        ("command", "/usr/bin/env", None),
        ("command", "/usr/bin/python3.11", "/usr/bin/env"),
    ]


def test_the_kubelets_rules_for_commands_and_arguments() -> None:
    image: dict[str, tuple[str, ...] | str] = {"entrypoint": ("dash",), "command": ("ls",)}
    assert run(Container("c"), **image)[0][:2] == ("the image's entrypoint", "/usr/bin/dash")
    assert run(Container("c", args=("-x",)), **image)[0][:2] == ("the image's entrypoint", "/usr/bin/dash")
    assert run(Container("c", command=("ls",)), **image) == [("command", "/usr/bin/ls", None)]
    assert run(Container("c", args=("ls",))) == [("args", "/usr/bin/ls", None)]
    assert run(Container("c"), command=("ls",)) == [("the image's command", "/usr/bin/ls", None)]
    assert run(Container("c")) == []


def test_probes_and_hooks_are_started_too() -> None:
    commands = (Command("livenessProbe.exec.command", ("ls",)), Command("lifecycle.preStop.exec.command", ("/bin/sh",)))
    assert run(Container("c", commands=commands)) == [
        ("livenessProbe.exec.command", "/usr/bin/ls", None),
        ("lifecycle.preStop.exec.command", "/usr/bin/dash", None),
    ]


def test_path_and_folder_of_the_manifest() -> None:
    assert run(Container("c", command=("ls",), path="/opt")) == []
    assert run(Container("c", command=("./ls",), working_dir="/usr/bin")) == [("command", "/usr/bin/ls", None)]
    assert run(Container("c", command=("./ls",)), working_dir="/usr/bin") == [("command", "/usr/bin/ls", None)]


@pytest.mark.parametrize("name", ["$(APP)", "", "/none", "/usr/bin"])
def test_what_cannot_be_known_is_not_guessed(name: str) -> None:
    assert run(Container("c", command=(name,))) == []


def test_what_a_volume_hides_is_told_by_its_path_alone() -> None:
    assert run(Container("c", command=("/entry.sh",), mounts=("/entry.sh",))) == [("command", "/entry.sh", None)]
    assert run(Container("c", command=("/work/x",), mounts=("/work",))) == [("command", "/work/x", None)]


def test_scripts_that_never_end_and_those_that_end_early() -> None:
    assert len(run(Container("c", command=("/loop",)))) == 6
    assert run(Container("c", command=("/broken",))) == [("command", "/broken", None)]
    assert [name for _, name, _ in run(Container("c", command=("/nameless",)))] == ["/nameless", "/usr/bin/env"]


@pytest.mark.parametrize(
    ("interpreter", "argument", "words"),
    [
        ("/usr/bin/env", "python3", ("python3",)),
        ("/bin/sh", "-e", ()),
        ("/usr/bin/env", "", ()),
        ("/usr/bin/env", "python3 -u", ("python3 -u",)),
        ("/usr/bin/env", "-S python3 -u", ("python3", "-u")),
        ("/usr/bin/env", "--split-string=A=b python3", ("python3",)),
        ("/usr/bin/env", "-i python3", ()),
        ("/usr/bin/env", "-S -i x", ()),
        ("/usr/bin/env", "A=b", ()),
    ],
)
def test_what_env_looks_up(interpreter: str, argument: str, words: tuple[str, ...]) -> None:
    assert looked_up(Script(interpreter, argument)) == words


def test_interpreters_as_the_kernel_sees_them() -> None:
    image = Memory(FILES)
    assert interpreters(image, "/entry.sh") == ("/usr/bin/dash",)
    assert interpreters(image, "/app.py") == ("/usr/bin/python3.11",)
    assert interpreters(image, "/usr/bin/dash") == ()
    assert interpreters(image, "/broken") == interpreters(image, "/nameless") == ()
    assert interpreters(image, "/loop") == ("/loop",) * 5
