"""How rules meet, on one workload."""

from __future__ import annotations

import yaml

from hauberk.policy.hiding import MAX_HIDDEN
from hauberk.policy.model import Workload
from hauberk.policy.parse import parse_policy
from hauberk.policy.relations import meetings
from support.policies import policy

WIDE = (
    "  file:\n    matchDirectories:\n      - dir: /etc/\n        recursive: true\n        action: Allow\n"
    "        fromSource:\n          - path: /bin/app\n          - path: /bin/web\n    matchPaths:\n"
)


def hidden(*paths: str) -> list[tuple[int, str | None]]:
    """Position of each Block that the wide Allow hides, and the source it is shown on."""
    text = policy(WIDE + "".join(f"      - path: {path}\n        action: Block\n" for path in paths))
    parsed = parse_policy(yaml.safe_load(text))
    assert parsed is not None
    workload = Workload(namespace="ns", labels=(("app", "x"),))
    found = meetings(workload, [(0, parsed)])
    return [(m.other_rule, m.access.source if m.access else None) for m in found if m.type == "hides"]


def test_each_block_that_an_allow_hides_is_named_once() -> None:
    assert [source for _, source in hidden("/etc/shadow", "/etc/gshadow", "/var/x")] == ["/bin/app", "/bin/app"]
    assert len({other for other, _ in hidden("/etc/shadow", "/etc/gshadow")}) == 2


def test_no_more_of_them_are_looked_for_than_a_finding_can_tell() -> None:
    assert len(hidden(*(f"/etc/{number}" for number in range(MAX_HIDDEN + 5)))) == MAX_HIDDEN
