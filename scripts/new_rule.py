"""Writes the skeleton of a rule: sources, test, cases, page.

usage: python scripts/new_rule.py CATEGORY NAME ID     e.g. gaps some-name HB499
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

RULE = """\
# METADATA
# title: {name}
# description: |
#   What the rule says, and why.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/{id}.md
# schemas:
#   - input: schema.facts
# custom:
#   id: {id}
#   severity: warning
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: What to write instead.
package hauberk.rules.{category}.{folder}

violation contains v if {{
	some rule in input.policy.rules
	rule.readOnly
	rule.ownerOnly
	v := {{
		"id": "{id}",
		"pointer": rule.pointer,
		"message": "what happens",
		"hint": "what to write instead",
	}}
}}
"""

TEST = """\
package hauberk.rules.{category}.{folder}_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.{category}.{folder}

_policy(changes) := fixtures.with_rules([fixtures.changed(fixtures.path("file", 0, "/etc/example"), changes)])

test_bad_both_flags if {{
	found := {folder}.violation with input as _policy({{"readOnly": true, "ownerOnly": true}})
	some v in found
	v.id == "{id}"
	v.pointer == "/spec/file/matchPaths/0"
}}

test_good_no_flag if {{
	count({folder}.violation) == 0 with input as _policy({{}})
}}

test_near_miss_one_flag if {{
	count({folder}.violation) == 0 with input as _policy({{"readOnly": true}})
}}
"""

CASE = """\
apiVersion: security.kubearmor.com/v1
kind: KubeArmorPolicy
metadata:
  name: {name}
  namespace: default
spec:
  severity: 5
  selector:
    matchLabels:
      app: web
  file:
    matchPaths:
      - path: /etc/example
        readOnly: true{more}
  action: Audit
"""

PAGE = """\
# {id} {name}

warning · both models · needs nothing

## What it says

## Why

## Bad

## Good

## What to do
"""


def main(category: str, name: str, identity: str, root: Path = ROOT) -> list[Path]:
    """The files written; nothing is written when one of them is there already."""
    if not re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", name) or not re.fullmatch(r"HB\d{3}", identity):
        sys.exit(__doc__)
    values = {"category": category, "name": name, "folder": name.replace("-", "_"), "id": identity}
    folder = root / "rego/rules" / category / values["folder"]
    texts = {
        folder / "rule.rego": RULE.format(**values),
        folder / "rule_test.rego": TEST.format(**values),
        folder / "bad/policy.yaml": CASE.format(**values, more="\n        ownerOnly: true"),
        folder / "good/policy.yaml": CASE.format(**values, more=""),
        root / f"docs/rules/{identity}.md": PAGE.format(**values),
    }
    there = [path for path in texts if path.exists()]
    if there:
        sys.exit(f"{there[0]} exists already")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(path.relative_to(root))
    print("then: fill them in, `make rego`, `make check`")
    return list(texts)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3])
