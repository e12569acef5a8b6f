"""Our closed schemas against the CRDs of KubeArmor itself, over other people's policies and over damages to them."""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema
import pytest
import yaml

from hauberk.policy import schema, validate
from hauberk.policy.documents import decode, read
from hauberk.policy.loose import is_list, is_mapping, listing, mapping
from support import shared

pytestmark = pytest.mark.corpus


@cache
def crd(kind: str) -> Any:
    """A validator of what the API server checks; fields that the CRD does not know are pruned, so they pass."""
    definition = yaml.safe_load(shared("corpus", "crds", f"{kind}.yaml").read_text(encoding="utf-8"))
    (version,) = definition["spec"]["versions"]
    converted = json_schema(version["schema"]["openAPIV3Schema"])
    converted["required"] = [*converted.get("required", []), "apiVersion", "kind", "metadata"]
    jsonschema.Draft202012Validator.check_schema(converted)
    return jsonschema.Draft202012Validator(converted)


def json_schema(node: Any) -> Any:
    """JSON Schema of OpenAPI: formats of integers are bounds, `$` is the very end, CEL is left to `rules_hold`."""
    if is_list(node):
        return [json_schema(item) for item in node]
    if not is_mapping(node):
        return node
    converted = {
        key: json_schema(value) for key, value in node.items() if key not in ("format", "x-kubernetes-validations")
    }
    bits = {"int32": 31, "int64": 63}.get(str(node.get("format")))
    if bits and node.get("type") == "integer":
        converted = {"minimum": -(2**bits), "maximum": 2**bits - 1, **converted}
    if isinstance(pattern := node.get("pattern"), str):
        converted["pattern"] = pattern.replace("$", r"\Z")
    return converted


def rules_hold(data: Any) -> bool:
    """The three CEL rules of KubeArmorNetworkPolicy."""
    spec = mapping(mapping(data).get("spec"))
    selector = mapping(spec.get("selector"))
    if not ("matchLabels" in selector or "matchExpressions" in selector):
        return True
    entries = [mapping(entry) for name in ("ingress", "egress") for entry in listing(spec.get(name))]
    return "nodeSelector" not in spec and all("limit" in entry and "duration" in entry for entry in entries)


def without_nulls(node: Any) -> Any:
    """What client-side apply sends: fields without a value are not sent, entries of lists are."""
    if is_mapping(node):
        return {key: without_nulls(value) for key, value in node.items() if value is not None}
    return [without_nulls(item) for item in node] if is_list(node) else node


def they_accept(kind: str, data: Any) -> bool:
    return bool(crd(kind).is_valid(data)) and (kind != "KubeArmorNetworkPolicy" or rules_hold(data))


def we_accept(kind: str, data: Any) -> bool:
    (document,) = read(json.dumps(data)).documents
    return not [problem for problem in validate.problems(document, kind) if problem.kind != "unknown-field"]


@cache
def policies() -> tuple[tuple[str, str, Any], ...]:
    """(file, kind, data) of every policy that parses, as client-side apply sends it."""
    found: list[tuple[str, str, Any]] = []
    folder = shared("corpus", "policies")
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        text = decode(path.read_bytes())
        for document in read(text).documents if isinstance(text, str) else ():
            if is_mapping(document.data) and document.data.get("kind") in schema.KINDS:
                name = str(path.relative_to(folder))
                found.append((name, document.data["kind"], without_nulls(document.data)))
    return tuple(found)


def test_our_schemas_judge_the_corpus_as_the_crds_do() -> None:
    verdicts = [(name, they_accept(kind, data), we_accept(kind, data)) for name, kind, data in policies()]
    assert [(name, theirs) for name, theirs, ours in verdicts if theirs != ours] == []
    accepted = Counter(theirs for _, theirs, _ in verdicts)
    assert accepted[True] > 600
    assert accepted[False] > 10


# ------------------------------------------------------------------------------------------ damages

VALUES: list[Any] = [
    *[
        "",
        "x",
        "/",
        "//",
        "/a",
        "/a/",
        "a/b",
        "/a\n",
        "\n/a",
        "/a\nb/",
        "/" + "x" * 199,
        "/" + "x" * 200,
        "/\u00e9" * 100,
    ],
    *[
        "Allow",
        "allow",
        "Block ",
        "tcp",
        "TCP",
        "Tcp",
        "xtcp",
        "tcp,udp",
        "tcp ",
        "all",
        "ALL",
        "net_raw",
        "CAP_NET_RAW",
    ],
    *[
        "cap_net_raw",
        "bpf",
        "syslog",
        "In",
        "NotIn",
        "Exists",
        "label",
        "namespace",
        "10MB",
        "10mb",
        "5",
        "pod",
        "open",
        "statx",
    ],
    *[0, 1, 5, 10, 11, -1, 2**31 - 1, 2**31, 2**63, 5.0, 5.5, 1e30, True, False],
    *[
        [],
        {},
        [None],
        [[]],
        ["x"],
        [1],
        [{}],
        {"a": 1},
        {"path": "/a"},
        [{"path": "/a"}],
        [{"path": "/a/"}],
        ["-a"] * 21,
    ],
    *[
        {"matchLabels": {"a": "b"}},
        {"matchLabels": {"a": 1}},
        {"matchExpressions": []},
        [{"limit": "1K", "duration": "1h"}],
    ],
]
NAMES = """
    action severity tags message path dir pattern recursive readOnly ownerOnly pts allowedArgs execname
    fromSource protocol domain capability matchPaths matchDirectories matchPatterns matchProtocols
    matchCapabilities matchDNSQueries syscalls matchSyscalls syscall selector nodeSelector matchLabels
    matchExpressions key operator values presets name device matchDevice class subClass level process file
    network capabilities apparmor ingress egress limit duration port endPort nonsense
""".split()


def containers(node: Any) -> Iterator[Any]:
    """Every mapping and list below (and with) the node that is not empty."""
    if node and (is_mapping(node) or is_list(node)):
        yield node
        for child in node.values() if is_mapping(node) else node:
            yield from containers(child)


def damaged(data: Any, chance: random.Random) -> Any:
    data = copy.deepcopy(data)
    for _ in range(chance.randint(1, 2)):
        places = list(containers(data.get("spec"))) or [data]
        place = chance.choice(places)
        at = chance.choice(list(place) if is_mapping(place) else range(len(place)))
        match chance.randrange(5):
            case 0:
                del place[at]
            case 1 | 2:
                place[at] = copy.deepcopy(chance.choice(VALUES))
            case 3 if is_mapping(place):
                place[chance.choice(NAMES)] = copy.deepcopy(chance.choice(VALUES))
            case _ if is_mapping(place):
                place[chance.choice(NAMES)] = place.pop(str(at))
            case _:
                place.append(copy.deepcopy(chance.choice(VALUES)))
    return without_nulls(data)


def test_our_schemas_judge_damaged_policies_as_the_crds_do() -> None:
    chance = random.Random(20)  # noqa: S311  no secret, but the same every time
    verdicts: Counter[bool] = Counter()
    for name, own_kind, data in policies():
        for number in range(6):
            # another kind now and then: there are few policies of some
            kind = own_kind if number else chance.choice(schema.KINDS)
            worse = damaged({**data, "kind": kind}, chance)
            theirs = they_accept(kind, worse)
            verdicts[theirs] += 1
            assert we_accept(kind, worse) == theirs, (
                name,
                worse,
                [error.message for error in crd(kind).iter_errors(worse)],
            )
    assert min(verdicts.values()) > 0.2 * sum(verdicts.values())
