"""`hauberk lint --image`: findings, fixes, settings, the cache."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support import hauberk
from support.images import File, docker_archive, elf, layout
from support.policies import lint_file

LD = "/lib64/ld.so"
ENTRYPOINT = "the image's entrypoint of Deployment/shop/web/web"
BASE: list[File] = [
    ("bin", "-> usr/bin"),
    ("usr/bin/dash", elf("libc.so.6")),
    ("usr/bin/sh", "-> dash"),
    ("usr/bin/env", elf("libc.so.6")),
    ("usr/bin/python3", elf("libc.so.6", "libz.so.1")),
    ("usr/sbin/web", elf("libc.so.6", "libz.so.1")),
    ("usr/bin/tool.py", elf()),
    ("usr/lib/libc.so.6", elf(interpreter="")),
    ("usr/lib/libz.so.1", "-> libz.so.1.3"),
    ("usr/lib/libz.so.1.3", elf(interpreter="")),
    ("lib64/ld.so", elf(interpreter="")),
    ("lib", "-> usr/lib"),
    ("start", b"#!/bin/sh\nexec web\n"),
    ("app", b"#!/usr/bin/env python3\n"),
]
NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata: {{name: shop, annotations: {{kubearmor-file-posture: {posture}}}}}
---
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: shop}}
spec:
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers:
        - {{name: web, image: "web:1.2"{more}}}
---
"""
POLICY = """\
apiVersion: security.kubearmor.com/v1
kind: KubeArmorPolicy
metadata:
  name: web
  namespace: shop
spec:
  severity: 5
  selector:
    matchLabels:
      app: web
  action: Allow
"""


def written(folder: Path, rules: str, *, more: str = "", posture: str = "block") -> Path:
    path = folder / "web.yaml"
    path.write_text(NAMESPACE.format(posture=posture) + DEPLOYMENT.format(more=more) + POLICY + rules)
    return path


def processes(*paths: str) -> str:
    return "  process:\n    matchPaths:\n" + "".join(f"      - path: {path}\n" for path in paths)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    path = docker_archive(tmp_path_factory.mktemp("image") / "web.tar", BASE, Entrypoint=["/start"], Cmd=["web"])
    return {"web": str(path)}


def found(path: Path, images: dict[str, str], *rules: str) -> list[tuple[str, str, str]]:
    return [
        (finding.rule, finding.severity.value, finding.message)
        for finding in lint_file(path, images=images)
        if finding.rule in rules
    ]


def test_links_of_the_image_are_errors_with_a_fix(tmp_path: Path, web: dict[str, str]) -> None:
    path = written(tmp_path, processes("/bin/sh", "/usr/sbin/web", "/sbin/web", "/lib/x"))
    assert found(path, web, "HB211") == [
        (
            "HB211",
            "error",
            "/bin/sh leads through a link in the image web: the kernel sees /usr/bin/dash, so it does not match",
        ),
        (
            "HB211",
            "error",
            "/lib/x leads through a link in the image web: the kernel sees /usr/lib/x, so it does not match",
        ),
    ]
    # without it the usual links are all that is known
    assert [severity for _, severity, _ in found(path, {}, "HB211")] == ["warning"] * 2
    done = hauberk("lint", "--fix", "--image", f"web={web['web']}", path, "--no-cache")
    assert "fixed" in done.stderr
    assert "- path: /usr/bin/dash\n      - path: /usr/sbin/web\n      - path: /sbin/web\n" in path.read_text()
    assert found(path, web, "HB211") == []


def test_directories_and_what_the_runtime_mounts(tmp_path: Path, web: dict[str, str]) -> None:
    rules = "  file:\n    matchDirectories:\n" + "".join(
        f"      - dir: {name}\n" for name in ("/bin/", "/usr/sbin/", "/proc/self/", "/lib/data/")
    )
    path = written(tmp_path, rules, more=", volumeMounts: [{name: v, mountPath: /lib/data}]")
    messages = [message for _, _, message in found(path, web, "HB211")]
    assert len(messages) == 3
    assert messages[0] == "/bin/ leads through a link in the image web: the kernel sees /usr/bin/, so it does not match"
    assert messages[1].startswith("as /proc/self is a link")
    # a volume hides the image: the list of usual links is all there is
    assert messages[2].startswith("on a usr-merged image")


def test_scripts_by_their_first_line(tmp_path: Path, web: dict[str, str]) -> None:
    rules = (
        processes("/usr/sbin/web")
        + "        fromSource:\n"
        + "".join(f"          - path: {name}\n" for name in ("/start", "/app", "/usr/bin/tool.py", "/none.sh"))
    )
    path = written(tmp_path, rules)
    messages = [message for _, _, message in found(path, web, "HB204")]
    assert messages[:2] == [
        f"{name} is a script in the image web: the kernel sees {sees} as the source, so this rule does not apply to it"
        for name, sees in (("/start", "/usr/bin/dash"), ("/app", "/usr/bin/python3"))
    ]
    assert [message.split(" ")[0] for message in messages[2:]] == ["none.sh"]
    assert [message.split(" ")[0] for _, _, message in found(path, {}, "HB204")] == ["tool.py", "none.sh"]


def test_what_the_image_starts(tmp_path: Path, web: dict[str, str]) -> None:
    path = written(tmp_path, processes("/usr/sbin/web"))
    assert found(path, web, "HB404") == [
        (
            "HB404",
            "error",
            f"{ENTRYPOINT} starts {name}, which the process allow-list lacks: it does not run",
        )
        for name in ("/start", "/usr/bin/dash")
    ]
    assert found(written(tmp_path, processes("/usr/sbin/web", "/start", "/usr/bin/dash")), web, "HB404") == []
    assert found(written(tmp_path, processes("/usr/sbin/web"), more=", command: [web]"), web, "HB404") == []
    path = written(tmp_path, processes("/usr/sbin/web"), posture="audit")
    assert [severity for _, severity, _ in found(path, web, "HB404")] == ["warning", "warning"]
    assert found(path, {}, "HB404") == []


def test_probes_and_env(tmp_path: Path, web: dict[str, str]) -> None:
    more = ", command: [web], livenessProbe: {exec: {command: [/app]}}"
    path = written(tmp_path, processes("/usr/sbin/web", "/app", "/usr/bin/env"), more=more)
    ((_, _, message),) = found(path, web, "HB404")
    assert message.startswith(
        "livenessProbe.exec.command of Deployment/shop/web/web makes /usr/bin/env start /usr/bin/python3,"
    )


def test_a_rule_for_env_as_source_counts(tmp_path: Path, web: dict[str, str]) -> None:
    rules = (
        processes("/app", "/usr/bin/env", "/usr/bin/python3") + "        fromSource:\n          - path: /usr/bin/{}\n"
    )
    path = written(tmp_path, rules.format("env"), more=", command: [/app]")
    assert found(path, web, "HB404") == []
    path = written(tmp_path, rules.format("dash"), more=", command: [/app]")
    assert len(found(path, web, "HB404")) == 1


def test_a_block_rule_that_stops_the_entrypoint(tmp_path: Path, web: dict[str, str]) -> None:
    path = written(tmp_path, processes("/usr/bin/dash") + "        action: Block\n", posture="audit")
    assert found(path, web, "HB404") == [
        (
            "HB404",
            "error",
            f"{ENTRYPOINT} starts /usr/bin/dash, which web:process.matchPaths[0] denies: it does not run",
        )
    ]


def test_it_is_told_at_one_policy_only(tmp_path: Path, web: dict[str, str]) -> None:
    path = written(tmp_path, processes("/usr/sbin/web"))
    path.write_text(path.read_text() + "---\n" + POLICY.replace("name: web", "name: other") + processes("/usr/bin/env"))
    assert len(found(path, web, "HB404")) == 2


def files(*names: str) -> str:
    return "  file:\n    matchPaths:\n" + "".join(f"      - path: {name}\n        readOnly: true\n" for name in names)


def test_the_loader_and_the_libraries(tmp_path: Path, web: dict[str, str]) -> None:
    more = ", command: [web]"
    path = written(tmp_path, processes("/usr/sbin/web") + files("/usr/sbin/web"), more=more)
    ((_, severity, message),) = found(path, web, "HB405")
    assert severity == "error"
    assert message == (
        "/usr/sbin/web may run, but the file rules for Deployment/shop/web/web deny opening its ELF interpreter "
        "/lib64/ld.so and the libraries /usr/lib/libc.so.6 and /usr/lib/libz.so.1.3: it does not start"
    )
    path = written(tmp_path, processes("/usr/sbin/web") + files("/usr/sbin/web", LD, "/usr/lib/libc.so.6"), more=more)
    ((_, _, message),) = found(path, web, "HB405")
    assert "deny opening the library /usr/lib/libz.so.1.3" in message
    complete = processes("/usr/sbin/web") + files("/usr/sbin/web", LD)
    complete += "    matchDirectories:\n      - dir: /usr/lib/\n        readOnly: true\n"
    assert found(written(tmp_path, complete, more=more), web, "HB405") == []
    assert found(written(tmp_path, processes("/usr/sbin/web"), more=more), web, "HB405") == []
    path = written(tmp_path, processes("/usr/sbin/web") + files("/x"), more=more, posture="audit")
    assert [severity for _, severity, _ in found(path, web, "HB405")] == ["warning"]


def test_libraries_are_read_by_the_program_and_the_loader_by_who_starts_it(tmp_path: Path, web: dict[str, str]) -> None:
    own = "  file:\n    matchDirectories:\n      - dir: /\n        recursive: true\n"
    own += "        fromSource:\n          - path: /usr/sbin/web\n"
    path = written(tmp_path, processes("/usr/sbin/web") + own, more=", command: [web]")
    ((_, _, message),) = found(path, web, "HB405")
    assert "deny opening its ELF interpreter /lib64/ld.so: it does not start" in message


def test_the_loader_of_an_entrypoint_that_no_rule_names(tmp_path: Path, web: dict[str, str]) -> None:
    path = written(tmp_path, files("/start"))
    ((_, _, message),) = found(path, web, "HB405")
    assert message.startswith("/usr/bin/dash may run, but the file rules")
    assert found(written(tmp_path, files("/start"), more=", command: [/none]"), web, "HB405") == []


def test_names_and_tags(tmp_path: Path, web: dict[str, str]) -> None:
    path = written(tmp_path, processes("/bin/sh"))
    archive = web["web"]
    assert [severity for _, severity, _ in found(path, {"web:1.2": archive}, "HB211")] == ["error"]
    assert [severity for _, severity, _ in found(path, {"web:1.3": archive}, "HB211")] == ["warning"]
    done = hauberk("lint", "--image", f"other={archive}", path, "--no-cache")
    assert "note: image other: no container of the manifests that were read runs it: it has no effect" in done.stderr


def test_an_image_changes_and_so_does_the_result(tmp_path: Path) -> None:
    path = written(tmp_path, processes("/tool"))
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    archive = docker_archive(tmp_path / "web.tar", [("tool", elf())], Cmd=["/tool"])

    def rules() -> set[str]:
        done = hauberk("lint", "--image", f"web={archive}", "--format", "json", path, env=cache)
        return {finding["rule"] for finding in json.loads(done.stdout)["findings"]} & {"HB211", "HB404"}

    assert rules() == rules() == set()
    docker_archive(archive, [("tool", "-> bin"), ("bin", elf())], Cmd=["/tool"])
    assert rules() == {"HB211", "HB404"}
    root = tmp_path / "root"
    root.mkdir()
    (root / "tool").write_bytes(elf())
    archive = root
    assert rules() == set()
    (root / "tool").rename(root / "bin")
    (root / "tool").symlink_to("bin")
    assert rules() == {"HB211"}


def test_settings(tmp_path: Path, web: dict[str, str]) -> None:
    path = written(tmp_path, processes("/bin/sh"))
    folder = layout(tmp_path / "images/web", BASE)
    settings = tmp_path / "hauberk.yaml"
    settings.write_text("images:\n  web: images/web\n")
    assert folder.is_dir()

    def severities(*options: str) -> list[str]:
        done = hauberk("lint", "--format", "json", "--no-cache", *options, path.name, cwd=tmp_path)
        findings: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
        return [finding["severity"] for finding in findings if finding["rule"] == "HB211"]

    assert severities() == ["error"]
    (tmp_path / "empty").mkdir()
    assert severities("--image", f"web={tmp_path / 'empty'}") == []
    for wrong, said in (
        ("{web: /}", "images: / is not below"),
        ("{web: ../x}", "is not below"),
        ('{"a=b": images/web}', "is not the name of an image"),
        ("[web]", "is not of type"),
        ("{web: 3}", "is not of type"),
    ):
        settings.write_text(f"images: {wrong}\n")
        done = hauberk("lint", path.name, cwd=tmp_path)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    ("value", "said"),
    [("web", "write NAME=PATH"), ("=x", "write NAME=PATH"), ("web=", "write NAME=PATH"), ("web=/none", "no such file")],
)
def test_bad_usage(tmp_path: Path, value: str, said: str) -> None:
    path = written(tmp_path, processes("/x"))
    done = hauberk("lint", "--image", value, path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_image_twice(tmp_path: Path) -> None:
    done = hauberk("lint", "--image", "a=x", "--image", "a=y", written(tmp_path, processes("/x")))
    assert (done.returncode, "given twice" in done.stderr) == (2, True)


def test_many_processes_say_the_same(tmp_path: Path, web: dict[str, str]) -> None:
    written(tmp_path, processes("/bin/sh"))
    for number in range(140):
        (tmp_path / f"{number}.yaml").write_text(
            POLICY.replace("name: web", f"name: p{number}") + processes(f"/bin/x{number}")
        )
    outputs = [
        hauberk(
            "lint", "--jobs", jobs, "--no-cache", "--image", f"web={web['web']}", "--image", "no=/", ".", cwd=tmp_path
        )
        for jobs in ("1", "2")
    ]
    assert outputs[0].stdout == outputs[1].stdout
    assert outputs[0].stderr == outputs[1].stderr
    assert outputs[0].stdout.count("leads through a link") == 141


def test_names_that_no_report_can_show_are_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, processes("/a", "/b", "/c"))
    made = [("a", "-> x\n::error::y"), ("b", "-> \udcff"), ("c", "-> \x1b[2J")]
    archive = docker_archive(tmp_path / "web.tar", made)
    assert found(path, {"web": str(archive)}, "HB211") == []
    docker_archive(archive, [("x\n\udcff", elf())], Entrypoint=["/x\n\udcff"])
    ((_, _, message),) = found(path, {"web": str(archive)}, "HB404")
    assert r"starts /x\n\udcff, which" in message
    done = hauberk("lint", "--image", f"web={archive}", "--format", "github", "--no-cache", path)
    assert r"starts /x\n\udcff, which" in done.stdout
