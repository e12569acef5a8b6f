"""The `images` part of the facts: its form, and how workloads and policies share it."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import yaml

from hauberk.policy.images import Elf, ImageConfig, Images, Script
from hauberk.policy.model import Posture
from hauberk.policy.parse import parse_policy
from hauberk.policy.repository import Entry, Repository
from hauberk.policy.surroundings import Surroundings
from hauberk.policy.workloads import Manifest, Place, parse_manifest
from support import ROOT
from support.images import Memory
from support.policies import policy

SCHEMA = json.loads((ROOT / "policy/hauberk/policy/schemas/facts.json").read_text())
IMAGE = Memory(
    {
        "/bin": "-> usr/bin",
        "/usr/bin/busybox": Elf("64", "/lib/ld.so", ("libc.so",)),
        "/usr/bin/ls": "-> busybox",
        "/lib/ld.so": Elf("64"),
        "/lib/libc.so": Elf("64"),
        "/run.sh": Script("/bin/busybox"),
        "/dev/null": b"",
        "/loop": "-> loop",
    },
    ImageConfig(("/run.sh",)),
)
DEPLOYMENT = """\
kind: Deployment
metadata: {{name: {name}, namespace: ns}}
spec:
  template:
    metadata: {{labels: {{app: x}}}}
    spec: {{containers: [{{name: c, image: "web:1"{more}}}, {{name: side, image: other}}]}}
"""


def images(*texts: str, posture: str = "block") -> list[list[dict[str, Any]]]:
    """The part of each policy of the texts, checked against the schema."""
    entries: list[Entry] = []
    manifests: list[Manifest] = []
    for number, document in enumerate(yaml.safe_load_all("---\n".join(texts))):
        place = Place("a.yaml", number + 1)
        parsed = parse_policy(document)
        if parsed is not None:
            entries.append(Entry(parsed, place, tuple(range(len(parsed.rules) + len(parsed.presets)))))
        elif (manifest := parse_manifest(document, place)) is not None:
            manifests.append(manifest)
    surroundings = Surroundings(Repository(entries, manifests), Posture(file=posture), Images({"web": IMAGE}))
    found = [surroundings.of(number)["images"] for number in range(len(entries))]
    for part in found:
        jsonschema_rs.validate({**SCHEMA["properties"]["images"], "$defs": SCHEMA["$defs"]}, part)
    return found


def allow(*paths: str, section: str = "process") -> str:
    return f"  {section}:\n    matchPaths:\n" + "".join(
        f"      - path: {path}\n        action: Allow\n" for path in paths
    )


def deployment(name: str = "web", more: str = "") -> str:
    return DEPLOYMENT.format(name=name, more=more)


def test_names() -> None:
    rules = allow("/bin/ls", "/usr/bin/busybox", "/dev/null", "/loop", "/bin/none", "/x*")
    ((part,),) = images(policy(rules), deployment())
    assert part["workloads"] == ["Deployment/ns/web/c"]
    assert [(n["text"], n["resolved"], n["link"], n["multicall"], n["found"], n["program"]) for n in part["names"]] == [
        ("/bin/ls", "/usr/bin/busybox", True, True, "file", "elf"),
        ("/usr/bin/busybox", "/usr/bin/busybox", False, False, "file", "elf"),
        ("/bin/none", "/usr/bin/none", True, False, None, None),
    ]


def test_workloads_that_policies_cannot_tell_apart_may_differ() -> None:
    mounted = ", volumeMounts: [{mountPath: /usr/bin/}]"
    started = ", command: [/bin/ls]"
    (parts,) = images(
        policy(allow("/bin/ls")), deployment("a"), deployment("b"), deployment("d", mounted), deployment("e", started)
    )
    assert [part["workloads"] for part in parts] == [["Deployment/ns/a/c", "Deployment/ns/e/c"], ["Deployment/ns/d/c"]]
    assert [len(part["names"]) for part in parts] == [1, 0]
    assert [[one["field"] for one in part["entrypoints"]] for part in parts] == [
        ["the image's entrypoint"] * 2,
        ["the image's entrypoint"] * 2,
    ]


def test_an_image_that_is_not_known_beside_one_that_is() -> None:
    only = policy(allow("/bin/ls")).replace("app: x", "app: x\n      kubearmor.io/container.name: c")
    assert [[part["complete"] for part in parts] for parts in images(only, deployment())] == [[True]]
    assert [[part["complete"] for part in parts] for parts in images(policy(allow("/x")), deployment())] == [[False]]
    other = deployment("a").replace("web:1", "else:1")
    ((part,),) = images(only, other, deployment("b"))
    assert (part["complete"], part["workloads"]) == (False, ["Deployment/ns/b/c"])


def test_no_image_and_no_manifest() -> None:
    assert images(policy(allow("/bin/ls"))) == [[]]
    assert images(policy(allow("/bin/ls")), deployment().replace("web:1", "else:1")) == [[]]


def test_starts_are_told_where_the_list_begins_or_the_rule_stands() -> None:
    first, second = images(
        policy(allow("/x"), name="one"),
        policy(allow("/y") + "      - path: /run.sh\n        action: Block\n", name="two"),
        deployment(),
    )
    assert [(e["pointer"], e["program"], e["rule"], e["posture"]) for e in first[0]["entrypoints"]] == [
        ("/spec/process", "/usr/bin/busybox", None, "block")
    ]
    assert [(e["pointer"], e["program"], e["rule"], e["posture"]) for e in second[0]["entrypoints"]] == [
        ("/spec/process/matchPaths/1", "/run.sh", "two:process.matchPaths[1]", "block")
    ]


def test_a_probe_has_no_terminal() -> None:
    preset = "  presets:\n    - name: exec\n      action: Block\n"
    probe = ", livenessProbe: {exec: {command: [/bin/ls]}}"
    ((part,),) = images(policy(preset), deployment(more=probe))
    assert part["entrypoints"] == []


def test_loaders_of_rules_and_of_starts() -> None:
    rules = allow("/usr/bin/busybox", "/run.sh") + allow("/x", section="file")
    ((part,),) = images(policy(rules), deployment())
    (loader,) = part["loaders"]
    assert loader == {
        "pointer": "/spec/process/matchPaths/0",
        "workload": "Deployment/ns/web/c",
        "field": "",
        "program": "/usr/bin/busybox",
        "interpreter": "/lib/ld.so",
        "files": ["/lib/ld.so", "/lib/libc.so"],
        "rule": None,
        "posture": "block",
    }
    ((part,),) = images(policy(allow("/x", section="file")), deployment(), posture="audit")
    (loader,) = part["loaders"]
    assert (loader["pointer"], loader["field"], loader["posture"]) == ("/spec/file", "the image's entrypoint", "audit")


def test_a_block_rule_for_a_library() -> None:
    rules = "  file:\n    matchPaths:\n      - path: /lib/libc.so\n        action: Block\n"
    ((part,),) = images(policy(rules), deployment(), posture="audit")
    (loader,) = part["loaders"]
    assert (loader["pointer"], loader["files"], loader["rule"], loader["posture"]) == (
        "/spec/file/matchPaths/0",
        ["/lib/libc.so"],
        "p:file.matchPaths[0]",
        "block",
    )
