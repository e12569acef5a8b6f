# ruff: noqa: S108, SIM102  paths of policies; one condition for each clause of the text
"""The hauberk model, and presets: section 4 without patterns."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hauberk.policy.model import Access, Posture, Workload
from policy.reference.patterns import pattern_matches
from policy.reference.reading import (
    CAPABILITIES,
    DOMAINS,
    PROTOCOL_NUMBERS,
    SOCKET_TYPES,
    Document,
    Entry,
    Outcome,
    Report,
    entries,
)
from policy.reference.selection import selects

# --------------------------------------------------------------------------------------------- 4 Model hauberk


def hauberk(policies: list[Document], workload: Workload, posture: Posture, access: Access) -> Outcome:
    selecting = [document for document in policies if selects("hauberk", document, workload)]
    domain = DOMAINS.get(access.op)
    rules = [rule for document in selecting for rule in entries("hauberk", document) if rule.domain == domain]
    matching = [rule for rule in rules if matches(rule, access, workload)]
    verdicts = [rule for rule in matching if rule.action in ("Allow", "Block")]

    verdict = "allowed"
    deciding: str | None = None
    reports: list[Report] = []
    if verdicts:
        # 4.3: only those of the highest rank count
        top = max(rank(rule) for rule in verdicts)
        equals = [rule for rule in verdicts if rank(rule) == top]
        denying = [rule for rule in equals if denies(rule, access)]
        if denying:
            verdict = "denied"
            # 4.6: a Block rule before an Allow rule, then the smallest name
            winner = min(denying, key=lambda rule: (rule.action != "Block", rule.name))
            deciding = winner.name
            reports.append((blame(winner), "Block", winner.name))
        else:
            deciding = min(rule.name for rule in equals)
    elif domain is None or (domain == "file" and not access.target.startswith("/")):
        pass  # 4.1: read, write and modify without a path are allowed without report
    elif any(rule.action == "Allow" for rule in rules):
        verdict, report = by_posture(posture, domain)
        reports.append(report)
    # 4.6: audit
    for rule in matching:
        if rule.action == "Audit" and denies(rule, access):
            add(reports, (rule.policy, "Audit", rule.name))

    # 4.7: presets
    blocking = []
    for document in selecting:
        for name, preset, own in presets_of(document):
            if not preset_hits(preset, access):
                continue
            action = own or document["spec"].get("action") or ""
            report_of = (document["metadata"]["name"], name)
            if action.lower() == "audit":
                add(reports, (report_of[0], "Audit", name))
            else:
                blocking.append(report_of)
    return with_presets((verdict, deciding, reports), blocking)


def add(reports: list[Report], report: Report) -> None:
    """Unsaid: elements of a comma list share a name, and are reported once."""
    if report not in reports:
        reports.append(report)


def by_posture(posture: Posture, domain: str) -> tuple[str, Report]:
    """4.5; process uses the file posture, dns the network posture (1)."""
    values = {
        "process": posture.file,
        "file": posture.file,
        "network": posture.network,
        "dns": posture.network,
        "capabilities": posture.capabilities,
    }
    if values[domain] == "block":
        return "denied", ("DefaultPosture", "Block", None)
    return "allowed", ("DefaultPosture", "Audit", None)


def blame(rule: Entry) -> str:
    """4.6: whom a denial by this rule names."""
    return rule.policy if rule.action == "Block" else "DefaultPosture"


def with_presets(outcome: Outcome, blocking: list[tuple[str, str]]) -> Outcome:
    """4.7: one that blocks denies the access even if a rule lets it pass; one of them is reported, the smallest.

    Unsaid: its report takes the place of that of the rule or posture, and `rule` is the preset, whatever they say.
    """
    if not blocking:
        return outcome
    policy, name = min(blocking, key=lambda pair: pair[1])
    audits = [report for report in outcome[2] if report[1] == "Audit" and report[0] != "DefaultPosture"]
    return "denied", name, [(policy, "Block", name), *audits]


def presets_of(document: Document) -> Iterator[tuple[str, str, str]]:
    if document["kind"] == "KubeArmorHostPolicy":
        return
    for index, preset in enumerate(document["spec"].get("presets") or []):
        name = f"{document['metadata']['name']}:presets[{index}]"
        yield name, preset.get("name") or "", preset.get("action") or ""


def preset_hits(name: str, access: Access) -> bool:
    target = access.target
    match name:
        case "filelessExec":
            below = target.startswith(("/dev/shm/", "/run/shm/"))
            return access.op == "exec" and (not target.startswith("/") or below)
        case "exec":
            return access.op == "exec" and access.container_exec and access.tty
        case "protectEnv":
            found = re.fullmatch(r"/proc/[0-9]+/environ", target)
            return access.op == "read" and found is not None and access.other_process
        case "protectProc":
            found = re.match(r"/proc/[0-9]+/.", target, re.DOTALL)
            return access.op == "read" and found is not None and access.other_process
        case "anonymousMapExec":
            return access.op == "map_exec"
        case _:
            return False


# ---------------------------------------------------------------------------------------- 4.1 When a rule matches


def matches(rule: Entry, access: Access, workload: Workload) -> bool:
    if rule.sources is not None:
        if access.source is None or access.source not in rule.sources:
            return False
    return matcher_matches(rule, access, workload)


def matcher_matches(rule: Entry, access: Access, workload: Workload) -> bool:
    target = access.target
    if rule.domain in ("process", "file") and not target.startswith("/"):
        return False
    match rule.list_name:
        case "matchPaths":
            path, execname = rule.fields.get("path"), rule.fields.get("execname")
            if not path and not execname:
                return False
            if path and not (pattern_matches(path, target) if "*" in path else path == target):
                return False
            return not execname or target.split("/")[-1] == execname
        case "matchDirectories":
            directory = rule.fields.get("dir") or ""
            if not directory:
                return False  # unsaid: no directory is not the root
            if not directory.endswith("/"):
                directory += "/"
            if target == directory[:-1] or target == directory == "/":
                return True
            if not target.startswith(directory):
                return False
            rest = target[len(directory) :]
            return rest != "" and (rule.fields.get("recursive") is True or "/" not in rest)
        case "matchPatterns":
            return pattern_matches(rule.fields["pattern"], target)
        case "matchProtocols":
            word: str = rule.fields["protocol"].lower()
            if word == "all":
                return True
            if word in SOCKET_TYPES:
                return access.type == word
            return word in PROTOCOL_NUMBERS and PROTOCOL_NUMBERS[word] == socket_protocol(access)
        case "matchDNSQueries":
            domain = rule.fields["domain"].strip(".").lower()
            if not domain:
                return False  # unsaid: no domain matches nothing
            name = target.lower()
            suffixes = ["", ".cluster.local", ".svc.cluster.local"]
            if workload.namespace is not None:
                suffixes.append(f".{workload.namespace.lower()}.svc.cluster.local")
            return any(name == domain + s or name.endswith("." + domain + s) for s in suffixes)
        case "matchCapabilities":
            capability = rule.fields["capability"].lower().removeprefix("cap_")
            return capability in CAPABILITIES and capability == target.lower().removeprefix("cap_")
        case _:
            raise AssertionError(rule.list_name)


def socket_protocol(access: Access) -> int:
    """4.1.1"""
    kind, number = access.type, access.protocol
    if kind == "stream" and number in (0, 6):
        return 6
    if kind == "dgram" and number in (0, 17):
        return 17
    if (kind in ("stream", "seqpacket") and number == 132) or (kind == "seqpacket" and number == 0):
        return 132
    return number


# ------------------------------------------------------------------------------------- 4.3 Precedence, 4.4 flags


def rank(rule: Entry) -> tuple[int, int, int]:
    sourced = 1 if rule.sources is not None else 0
    match rule.list_name:
        case "matchPaths":
            path = rule.fields.get("path")
            if path and "*" in path:
                return sourced, 2, 0  # unsaid whether execname beside it lifts it to a path
            return sourced, 4 if path else 3, 0
        case "matchPatterns":
            return sourced, 2, 0
        case "matchDirectories":
            directory = rule.fields["dir"]
            return sourced, 1, len(directory) + (0 if directory.endswith("/") else 1)
        case "matchProtocols":
            word = rule.fields["protocol"].lower()
            return sourced, {"all": 1}.get(word, 2 if word in SOCKET_TYPES else 3), 0
        case "matchDNSQueries":
            return sourced, 0, len(rule.fields["domain"].strip("."))
        case _:
            return sourced, 0, 0


def args_listed(rule: Entry, args: list[str]) -> bool:
    if not args:
        return False
    if len(args) == 1:
        return args[0] in rule.args
    return all(arg in rule.args for arg in args[1:])


def denies(rule: Entry, access: Access) -> bool:
    """4.4: with requirements, one that fails denies; without, Block (and Audit, its dry run) denies."""
    requirements = []
    if rule.owner_only:
        requirements.append(access.uid == access.owner_uid)
    if rule.read_only:
        requirements.append(access.op == "read")
    if rule.off_tty:
        requirements.append(not access.tty)
    if rule.args:
        requirements.append(args_listed(rule, list(access.args)))
    if requirements:
        return not all(requirements)
    return rule.action != "Allow"
