"""`hauberk schema`: the JSON Schemas that editors and other tools may use."""

from __future__ import annotations

import json
from importlib.resources import files

from hauberk.cli import config
from hauberk.policy import policytest
from hauberk.policy.problems import HauberkError
from hauberk.policy.schema import KINDS, schema_of


def run(what: str) -> str:
    if what == "config":
        schema = config.schema()
    elif what == "facts":
        return (files("hauberk.policy.schemas") / "facts.json").read_text(encoding="utf-8")
    elif what == "test":
        return policytest.schema_text()
    elif what in KINDS:
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema_of(what)}
    else:
        raise HauberkError(f"{what}: no such schema; there are config, facts, test, {', '.join(KINDS)}")
    return json.dumps(schema, indent=2) + "\n"
