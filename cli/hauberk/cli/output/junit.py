"""JUnit XML: a test case for each finding, one passing case for a clean run."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from hauberk.cli.finding import Report

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report) -> str:
    failures = len(report.findings)
    attributes = {
        "name": "hauberk lint",
        "tests": str(max(1, failures + len(report.errors))),
        "failures": str(failures),
        "errors": str(len(report.errors)),
    }
    suites = ET.Element("testsuites", attributes)
    suite = ET.SubElement(suites, "testsuite", attributes)
    for finding in report.findings:
        name = f"{finding.rule} {finding.name} at line {finding.position.line}"
        case = ET.SubElement(suite, "testcase", {"classname": _safe(finding.path), "name": name})
        failure = ET.SubElement(case, "failure", {"type": finding.severity.value, "message": _safe(finding.message)})
        failure.text = _safe(f"{finding.path}:{finding.position.line}:{finding.position.column}\n{finding.hint}")
    for error in report.errors:
        case = ET.SubElement(suite, "testcase", {"classname": _safe(error.path), "name": "engine"})
        ET.SubElement(case, "error", {"message": _safe(error.reason)})
    if not report.findings and not report.errors:
        ET.SubElement(suite, "testcase", {"classname": "hauberk", "name": "no findings"})
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _safe(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
