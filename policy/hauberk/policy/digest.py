"""One name for what a policy means: sha256 over its canonical resolved form.

Equal digests mean equal answers of both models. The contrary holds for what authors change without meaning to change
anything: another order of rules that do not touch the same keys, values written out that would be inherited, defaults,
flags where a list knows none, comments, labels and annotations of the object.

In it: kind and namespace, selector, every rule with its resolved action, severity, tags and message (alerts carry
them), presets, and as written what both models leave aside (system calls, devices, AppArmor). Not in it: the name,
which is identity, and where a rule stands.

Order counts in the kubearmor model alone, where a rule replaces what an earlier one wrote under the same key. Rules
without a key in common may change places; of all orders that are left, the one that sorts first is taken.
"""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from hauberk.policy.canonical import canonical
from hauberk.policy.loose import mapping, text
from hauberk.policy.model import (
    Action,
    Capability,
    Directory,
    DomainName,
    Expression,
    Matcher,
    Pattern,
    Policy,
    Preset,
    Program,
    Protocol,
    Rule,
    Selector,
)
from hauberk.policy.parse import parse_policy
from hauberk.policy.semantics.store import action_of, keys_of, word_of

ANNOTATION = "hauberk.dev/digest"
_VERSION = 1
_OUTSIDE = ("apparmor", "syscalls", "device")


def digest(document: Mapping[str, Any]) -> str:
    """`sha256:<hex>` of a document of one of the policy kinds, as in git or as the API server returns it."""
    return digest_of_texts([json.dumps(meaning(document), sort_keys=True, separators=(",", ":"))])


def annotated(document: Mapping[str, Any]) -> str | None:
    """The digest that was written beside the spec when it was rendered, None if there is none."""
    return text(mapping(mapping(document.get("metadata")).get("annotations")).get(ANNOTATION))


EDITED = f"the annotation {ANNOTATION} is not the digest of the spec: it was edited after it was rendered"
"""What is said where `annotated` and `digest` differ."""


def digest_of_texts(texts: Iterable[str]) -> str:
    """`sha256:<hex>` over the texts, sorted: for the whole of several policies."""
    whole = json.dumps(sorted(texts), separators=(",", ":"))
    return f"sha256:{hashlib.sha256(whole.encode()).hexdigest()}"


def meaning(document: Mapping[str, Any]) -> dict[str, Any]:
    """The canonical resolved policy, of JSON values only."""
    spec = canonical(document).get("spec", {})
    found: dict[str, Any] = {"version": _VERSION, "kind": document["kind"]}
    policy = parse_policy(document)
    if policy is None:
        # a kind without a model means what it says
        return found | {"spec": spec}
    outside = {name: spec[name] for name in _OUTSIDE if name in spec}
    if outside or policy.presets:
        # these inherit what no rule may show
        outside |= {name: spec[name] for name in ("severity", "tags", "message") if name in spec}
    if any(name in outside for name in _OUTSIDE) and "action" in spec:
        outside["action"] = spec["action"]
    return found | {
        "namespace": policy.effective_namespace,
        "selector": _selector(policy.selector),
        "rules": [record for rules in _lists(policy) for record in _in_order(rules, policy)],
        "presets": _presets(policy),
        "outside": outside,
    }


def _selector(selector: Selector) -> list[Any]:
    """Only `NotIn` before or after `In` is a difference to KubeArmor, among expressions of labels."""
    records = [[one.key, one.operator, sorted(set(one.values))] for one in selector.expressions]
    keys = [_shared_by(one) for one in selector.expressions]
    return [sorted(map(list, selector.match_labels)), _normal(records, keys)]


def _shared_by(expression: Expression) -> list[Hashable]:
    return ["label"] if expression.key == "label" else []


def _lists(policy: Policy) -> list[list[Rule]]:
    found: dict[tuple[str, str], list[Rule]] = {}
    for rule in policy.rules:
        found.setdefault((rule.section, rule.list), []).append(rule)
    return list(found.values())


def _in_order(rules: Sequence[Rule], policy: Policy) -> list[Any]:
    # KubeArmor splits comma lists by the first entry: where there is one, no entry may move
    fixed = any("," in word_of(rule.matcher) for rule in rules)
    return _normal([_record(rule) for rule in rules], [["list"] if fixed else _written(rule, policy) for rule in rules])


def _written(rule: Rule, policy: Policy) -> list[Hashable]:
    """What of KubeArmor's store the rule writes, by scope and key."""
    if isinstance(rule.matcher, Pattern) or action_of(rule) in (None, Action.AUDIT):
        return []
    # of networks it writes every key, after the other rules; elsewhere it is a word like any other
    if rule.domain == "network" and word_of(rule.matcher).lower() == "all":
        return ["all"]
    return [(source or "", key) for source in rule.sources or (None,) for key in keys_of(policy, rule)]


def _normal(records: Sequence[Any], keys: Sequence[Sequence[Hashable]]) -> list[Any]:
    """The smallest order in which records that share a key keep theirs; of equal neighbours one is left."""
    texts = [json.dumps(record) for record in records]
    waiting = [0] * len(records)
    following: list[list[int]] = [[] for _ in records]
    last: dict[Hashable, int] = {}
    for number, held in enumerate(keys):
        for before in {last[key] for key in held if key in last}:
            following[before].append(number)
            waiting[number] += 1
        last.update(dict.fromkeys(held, number))
    ready = [(texts[number], number) for number, count in enumerate(waiting) if not count]
    heapq.heapify(ready)
    found: list[Any] = []
    while ready:
        _, number = heapq.heappop(ready)
        if not found or found[-1] != records[number]:
            found.append(records[number])
        for other in following[number]:
            waiting[other] -= 1
            if not waiting[other]:
                heapq.heappush(ready, (texts[other], other))
    return found


def _record(rule: Rule) -> list[Any]:
    flags, read = rule.flags, action_of(rule)
    return [
        rule.section,
        rule.list,
        _matcher(rule.matcher),
        sorted({source or "" for source in rule.sources}),
        [flags.read_only, flags.owner_only, flags.pts is False, sorted(set(flags.allowed_args))],
        [rule.action and rule.action.value, read and read.value],
        [rule.severity or 0, list(rule.tags), rule.message or ""],
    ]


def _matcher(matcher: Matcher) -> list[Any]:
    """As written, but for spellings that are one to both models."""
    match matcher:
        case Program(path=path, execname=name):
            return [path, name]
        case Directory(dir=text, recursive=deep):
            return [text, deep]
        case Pattern(pattern=text):
            return [text]
        case Protocol(protocol=text):
            return [text.lower() if text.isascii() else text]
        case DomainName(domain=text):
            return [text if "," in text or " " in text else text.strip(".")]
        case Capability(capability=text):
            return [_capability(text)]


def _capability(text: str) -> str:
    bare = text.removeprefix("cap_")
    return text if "," in text or "cap_" in bare.lower() or not bare.isascii() else bare.lower()


def _presets(policy: Policy) -> list[Any]:
    """Name and whether each model lets it block; of one name KubeArmor takes the last."""
    records = [[one.name, *_blocks(one, policy)] for one in policy.presets]
    return _normal(records, [[one.name] for one in policy.presets])


def _blocks(preset: Preset, policy: Policy) -> tuple[bool, bool]:
    return (preset.action_text or policy.action_text).lower() != "audit", preset.action_text != "Audit"
