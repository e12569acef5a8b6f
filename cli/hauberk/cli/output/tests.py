"""Results of policy tests: text, JSON, JUnit."""

from __future__ import annotations

import json
from dataclasses import asdict
from xml.etree import ElementTree as ET

import typer

from hauberk.cli.tested import TestRun


def as_text(run: TestRun, *, colour: bool) -> str:
    def painted(text: str, name: str) -> str:
        return typer.style(text, fg=name, bold=True) if colour else text

    lines = [
        f"{one.path}:{one.line} {painted('failed', 'red')} {one.test} ({one.model}): {one.what}: {one.wrong}"
        for one in run.failed
    ]
    lines += [f"{painted('cannot run', 'red')} {reason}" for reason in run.broken]
    if run.uncovered:
        lines.append(f"rules that decided no access of a test: {len(run.uncovered)} of {run.rules}")
        lines += [f"  {place} {name}" for name, place in run.uncovered]
    else:
        lines.append(f"every one of {run.rules} rules decided an access of a test")
    passed = len(run.checked) - len(run.failed)
    lines.append(f"{passed} passed, {len(run.failed)} failed, {len(run.broken)} cannot run")
    return "\n".join(lines) + "\n"


def as_json(run: TestRun) -> str:
    whole = {
        "version": 1,
        "checked": [asdict(one) for one in run.checked],
        "broken": run.broken,
        "coverage": {
            "rules": run.rules,
            "uncovered": [{"rule": name, "place": place} for name, place in run.uncovered],
        },
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def as_junit(run: TestRun) -> str:
    attributes = {
        "name": "hauberk test",
        "tests": str(len(run.checked) + len(run.broken)),
        "failures": str(len(run.failed)),
        "errors": str(len(run.broken)),
    }
    suites = ET.Element("testsuites", attributes)
    suite = ET.SubElement(suites, "testsuite", attributes)
    for one in run.checked:
        case = ET.SubElement(
            suite, "testcase", {"classname": f"{one.path} {one.test}", "name": f"{one.what} ({one.model})"}
        )
        if one.wrong:
            ET.SubElement(case, "failure", {"message": one.wrong}).text = f"{one.path}:{one.line}"
    for reason in run.broken:
        case = ET.SubElement(suite, "testcase", {"classname": "hauberk", "name": reason})
        ET.SubElement(case, "error", {"message": reason})
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"
