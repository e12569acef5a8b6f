"""Other people's policies, rendered: KubeArmor's own CRDs take them, and they mean what they meant."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from hauberk.cli.gitops.yamltext import to_yaml
from hauberk.policy.canonical import canonical
from hauberk.policy.digest import digest
from hauberk.policy.documents import decode, read
from hauberk.policy.loose import is_mapping
from hauberk.policy.parse import parse_policy
from hauberk.policy.problems import Problem
from hauberk.policy.schema import KINDS
from hauberk.policy.validate import problems
from support import shared

pytestmark = pytest.mark.corpus


def test_every_policy_of_the_corpus() -> None:
    rendered: dict[str, set[str]] = {}
    count = 0
    for path in sorted(shared("corpus", "policies").rglob("*.yaml")):
        text = decode(path.read_bytes())
        for document in () if isinstance(text, Problem) else read(text).documents:
            if not is_mapping(document.data) or document.data.get("kind") not in KINDS:
                continue
            if problems(document, document.data["kind"]):
                continue
            count += 1
            value: Any = canonical(document.data)
            written = to_yaml(value)
            assert yaml.safe_load(written) == value, path
            (again,) = read(written).documents
            assert not problems(again, value["kind"]), path
            assert canonical(again.data) == value, path
            assert digest(again.data) == digest(document.data), path
            rendered.setdefault(digest(value), set()).add(_spoken(document.data))
    assert count > 500
    # none of them mean something else under one digest
    assert all(len(spoken) == 1 for spoken in rendered.values())


def _spoken(document: dict[str, Any]) -> str:
    """What can be said of a policy without judging it: its kind, and its rules in any order."""
    policy = parse_policy(document)
    if policy is None:
        return str(document["spec"])
    rules = {(rule.domain, repr(rule.matcher).lower(), rule.action, frozenset(rule.sources)) for rule in policy.rules}
    return str((policy.kind, policy.effective_namespace, sorted(map(str, rules))))
