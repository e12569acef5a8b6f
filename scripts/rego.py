"""Checks, tests and compiles the built-in Rego rules with the pinned real OPA.

usage: python scripts/rego.py OPA {fmt,check,test,build,verify}

build writes rego/policy.wasm and rego/catalogue.json; verify fails when they are not what build would write.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
REGO = ROOT / "rego"
FACTS = ROOT / "policy/hauberk/policy/schemas/facts.json"
PAGES = ROOT / "docs/rules"
ENTRY_POINT = "hauberk/violations"
CUSTOM_KEYS = {"id", "severity", "models", "needs", "fix", "recommended_action"}


def without_null(node: Any) -> Any:
    """The facts schema with `anyOf [X, null]` as X: OPA's type checker gives up on unions and would check nothing."""
    if isinstance(node, list):
        return [without_null(item) for item in node]
    if not isinstance(node, dict):
        return node
    options = [item for item in node.get("anyOf", []) if item != {"type": "null"}]
    if len(options) == 1:
        return without_null(options[0])
    return {key: without_null(value) for key, value in node.items()}


def run(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def check(opa: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "facts.json").write_text(json.dumps(without_null(json.loads(FACTS.read_text()))))
        run(opa, "check", "--strict", "--schema", folder, str(REGO))


def fmt(opa: str, *, write: bool) -> None:
    if write:
        run(opa, "fmt", "--write", str(REGO))
    elif listed := run(opa, "fmt", "--list", str(REGO)).strip():
        sys.exit(f"not formatted, run `make fmt`:\n{listed}")


def compiled(opa: str) -> bytes:
    """The wasm of the rules alone; paths are relative, so that the bytes do not depend on the clone."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "rego"
        shutil.copytree(REGO, tree, ignore=lambda _, names: [name for name in names if not wanted(name)])
        bundle = Path(folder) / "bundle.tar.gz"
        done = subprocess.run(
            [opa, "build", "--target", "wasm", "--entrypoint", ENTRY_POINT, "--output", str(bundle), "rego"],
            cwd=folder,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
        with tarfile.open(fileobj=io.BytesIO(bundle.read_bytes())) as archive:
            member = archive.extractfile("/policy.wasm")
            assert member is not None  # noqa: S101
            return member.read()


def wanted(name: str) -> bool:
    return "." not in name or (name.endswith(".rego") and not name.endswith("_test.rego"))


def catalogue(opa: str) -> str:
    """METADATA of every rule and its page, as the JSON that the command line reads without any engine."""
    rules = []
    for entry in json.loads(run(opa, "inspect", "--annotations", "--format", "json", str(REGO)))["annotations"]:
        path = [part["value"] for part in entry["path"]]
        if path[:3] != ["data", "hauberk", "rules"] or len(path) != 5:
            continue
        notes = entry["annotations"]
        custom = notes.get("custom", {})
        missing = (CUSTOM_KEYS - custom.keys()) | ({"title", "description", "related_resources"} - notes.keys())
        if missing:
            sys.exit(f"{'/'.join(path[3:])}: METADATA lacks {', '.join(sorted(missing))}")
        page = PAGES / f"{custom['id']}.md"
        if not page.exists():
            sys.exit(f"{custom['id']}: no page {page.relative_to(ROOT)}")
        rules.append(
            {
                "id": custom["id"],
                "name": notes["title"],
                "category": path[3],
                "severity": custom["severity"],
                "models": custom["models"],
                "needs": custom["needs"],
                "fix": custom["fix"],
                "description": " ".join(notes["description"].split()),
                "recommended_action": " ".join(custom["recommended_action"].split()),
                "page": page.read_text(),
            }
        )
    rules.sort(key=lambda rule: rule["id"])
    return json.dumps(rules, indent=1, ensure_ascii=False) + "\n"


def table(listing: str) -> str:
    """docs/rules.md: the catalogue as one table."""
    lines = [
        "# Rules",
        "",
        "Written by `make rego` from the METADATA of the rules; `hauberk rules ID` shows a page offline.",
        "",
        "| id | name | severity | models | needs | fix | says |",
        "|---|---|---|---|---|---|---|",
    ]
    for rule in json.loads(listing):
        link = f"[{rule['id']}](rules/{rule['id']}.md)"
        models = "both" if len(rule["models"]) == 2 else rule["models"][0]
        cells = (link, rule["name"], rule["severity"], models, rule["needs"], rule["fix"], rule["description"])
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def main(opa: str, verb: str) -> None:
    wasm, listing, rules = REGO / "policy.wasm", REGO / "catalogue.json", ROOT / "docs/rules.md"
    match verb:
        case "fmt":
            fmt(opa, write=True)
        case "check":
            fmt(opa, write=False)
            check(opa)
        case "test":
            sys.stdout.write(run(opa, "test", "--ignore", "*.yaml,*.json", str(REGO)))
        case "build":
            wasm.write_bytes(compiled(opa))
            listing.write_text(catalogue(opa))
            rules.write_text(table(listing.read_text()))
        case "verify":
            if compiled(opa) != wasm.read_bytes():
                sys.exit("rego/policy.wasm is not what the rules compile to: run `make rego` and commit it")
            if catalogue(opa) != listing.read_text():
                sys.exit("rego/catalogue.json is not current: run `make rego` and commit it")
            if table(listing.read_text()) != rules.read_text():
                sys.exit("docs/rules.md is not current: run `make rego` and commit it")
            sys.stdout.write(f"policy.wasm sha256 {hashlib.sha256(wasm.read_bytes()).hexdigest()}\n")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
