# ruff: noqa: S108, SIM102, SIM114  paths of policies; one condition for each clause of the text
"""A second evaluator of both models, for differential tests: naive, slow, and written from the text alone.

Nothing here is shared with `hauberk.policy` but the values of an access. Every clause carries its section in a
comment; where the text leaves room, the comment says "unsaid" and what was chosen. Policies are raw documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hauberk.policy.model import Access, Posture, Workload

Report = tuple[str, str, str | None]
Outcome = tuple[str, str | None, list[Report]]
Document = dict[str, Any]

# Section 2, the table: list -> (domain, matcher fields, other fields).
LISTS: dict[tuple[str, str], tuple[str, set[str], set[str]]] = {
    ("process", "matchPaths"): (
        "process",
        {"path", "execname"},
        {"ownerOnly", "pts", "allowedArgs", "fromSource"},
    ),
    ("process", "matchDirectories"): ("process", {"dir", "recursive"}, {"ownerOnly", "pts", "fromSource"}),
    ("process", "matchPatterns"): ("process", {"pattern"}, {"ownerOnly"}),
    ("file", "matchPaths"): ("file", {"path"}, {"readOnly", "ownerOnly", "pts", "fromSource"}),
    ("file", "matchDirectories"): (
        "file",
        {"dir", "recursive"},
        {"readOnly", "ownerOnly", "pts", "fromSource"},
    ),
    ("file", "matchPatterns"): ("file", {"pattern"}, {"readOnly", "ownerOnly"}),
    ("network", "matchProtocols"): ("network", {"protocol"}, {"pts", "fromSource"}),
    ("network", "matchDNSQueries"): ("dns", {"domain"}, {"fromSource"}),
    ("capabilities", "matchCapabilities"): ("capabilities", {"capability"}, {"fromSource"}),
}
COMMA_FIELDS = {"protocol", "domain", "capability"}

# Section 1.  `map_exec` is there "for one preset": no rule is about it.
DOMAINS = {
    "exec": "process",
    "read": "file",
    "write": "file",
    "modify": "file",
    "network": "network",
    "dns": "dns",
    "capability": "capabilities",
}
SOCKET_TYPES = ("stream", "dgram", "raw", "rdm", "seqpacket", "dccp", "packet")
PROTOCOL_NUMBERS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58, "sctp": 132}
CAPABILITIES = set(
    """chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable
    net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace
    sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control
    setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore""".split()
)


@dataclass
class Entry:
    """A rule as one model reads it: action resolved, comma lists split, unknown flags gone."""

    name: str
    policy: str
    domain: str
    list_name: str
    fields: dict[str, Any]
    action: str
    sources: list[str | None] | None  # None: global

    @property
    def owner_only(self) -> bool:
        return self.fields.get("ownerOnly") is True

    @property
    def read_only(self) -> bool:
        return self.fields.get("readOnly") is True

    @property
    def off_tty(self) -> bool:
        return self.fields.get("pts") is False  # 2: pts counts only when it is false

    @property
    def args(self) -> list[str]:
        return self.fields.get("allowedArgs") or []


def evaluate(model: str, policies: list[Document], workload: Workload, posture: Posture, access: Access) -> Outcome:
    if model == "hauberk":
        return hauberk(policies, workload, posture, access)
    return kubearmor(policies, workload, posture, access)


# ------------------------------------------------------------------------------------------- 2 Reading a policy


def entries(model: str, document: Document) -> Iterator[Entry]:
    spec = document["spec"]
    for (section_name, list_name), (domain, matcher_fields, other_fields) in LISTS.items():
        section = spec.get(section_name) or {}
        items = section.get(list_name) or []
        known = matcher_fields | other_fields
        if list_name == "matchProtocols" and document["kind"] == "KubeArmorHostPolicy":
            known = known - {"pts"}
        comma = next(iter(matcher_fields & COMMA_FIELDS), None)
        for index, item in enumerate(items):
            fields = {key: value for key, value in item.items() if key in known}
            # Inheritance: the rule's own value, else the section's, else the spec's; empty counts as not given.
            action = resolve(model, item.get("action"), section.get("action"), spec.get("action"))
            sources = None
            if fields.get("fromSource"):
                sources = [entry.get("path") or None for entry in fields["fromSource"]]
            variants = [fields]
            if comma:
                # kubearmor: only if the first entry of that list contains a comma.
                if model == "hauberk" or "," in (items[0].get(comma) or ""):
                    words = (fields.get(comma) or "").split(",")
                    variants = [fields | {comma: word.replace(" ", "")} for word in words]
            for variant in variants:
                policy = document["metadata"]["name"]
                name = f"{policy}:{section_name}.{list_name}[{index}]"
                yield Entry(name, policy, domain, list_name, variant, action, sources)


def resolve(model: str, own: str | None, section: str | None, spec: str | None) -> str:
    if model == "hauberk":  # any case at every level
        word = (own or section or spec or "Block").lower()
        return {"allow": "Allow", "block": "Block", "audit": "Audit"}.get(word, "")
    # kubearmor: a wholly lower-case value at spec level is capitalised; anything else does nothing.
    if spec and spec == spec.lower():
        spec = spec[0].upper() + spec[1:]
    word = own or section or spec or "Block"
    return word if word in ("Allow", "Block", "Audit") else ""


# ------------------------------------------------------------------------------------------------- 3 Selection


def selects(model: str, document: Document, workload: Workload) -> bool:
    kind = document["kind"]
    if kind == "KubeArmorHostPolicy":
        if workload.namespace is not None:
            return False
        wanted = (document["spec"].get("nodeSelector") or {}).get("matchLabels") or {}
        labels = dict(workload.node_labels)
        return bool(wanted) and all(node_label(key, value, labels) for key, value in wanted.items())
    if workload.namespace is None:
        return False
    selector = document["spec"].get("selector") or {}
    labels = dict(workload.labels)
    if model == "kubearmor":  # (a)
        for gone in ("pod-template-hash", "pod-template-generation", "controller-revision-hash"):
            labels.pop(gone, None)
    if kind == "KubeArmorPolicy":
        if workload.namespace != (document["metadata"].get("namespace") or "default"):
            return False
        for key, value in (selector.get("matchLabels") or {}).items():
            if key == "kubearmor.io/container.name" and key not in labels:
                if not container_named(model, value, workload.container):
                    return False
            elif labels.get(key) != value:
                return False
    # KubeArmorClusterPolicy: matchLabels is not a field.
    expressions = selector.get("matchExpressions") or []
    present = {f"{key}={value}" for key, value in labels.items()}
    check = hauberk_expressions if model == "hauberk" else kubearmor_expressions
    return check(kind, expressions, present, workload.namespace)


def node_label(key: str, value: str, labels: dict[str, str]) -> bool:
    if key in ("kubearmor.io/hostname", "kubernetes.io/hostname"):
        # a comma list, `*` = any node that has the label
        names = [name.strip() for name in value.split(",")]
        return key in labels and ("*" in names or labels[key] in names)
    if key in ("kubearmor.io/hostnamereg", "kubernetes.io/hostnamereg"):
        # unsaid: which of the two hostname labels; the one of the same prefix
        hostname = labels.get(key.removesuffix("reg"))
        try:
            return hostname is not None and re.match(value.replace("*", ".*"), hostname) is not None
        except re.error:
            return False
    return labels.get(key) == value


def container_named(model: str, value: str, container: str) -> bool:
    if model == "kubearmor":  # (b) first and last character are dropped blindly; one or two characters: every container
        value = value[1:-1]
    elif value.startswith("[") and value.endswith("]"):
        value = value[1:-1]
    names = [name.strip() for name in value.split(",") if name.strip()]
    return not names or container in names


def hauberk_expressions(kind: str, expressions: list[Document], present: set[str], namespace: str) -> bool:
    for expression in expressions:
        values = expression.get("values") or []
        key, operator = expression.get("key"), expression.get("operator")
        if key == "label":
            hits = any("=" in value and value in present for value in values)
        elif key == "namespace" and kind == "KubeArmorClusterPolicy":
            hits = namespace in values
        else:
            return False  # another key, or a namespace key elsewhere, never holds
        if operator not in ("In", "NotIn"):
            return False
        if hits != (operator == "In"):
            return False
    return True


def kubearmor_expressions(kind: str, expressions: list[Document], present: set[str], namespace: str) -> bool:
    inside: list[str] = []  # (c) I
    outside: list[str] = []  # (c) N
    seen_in = False
    namespaces_in: list[str] | None = None
    namespaces_out: list[str] = []
    for expression in expressions:
        values = expression.get("values") or []
        match expression.get("key"), expression.get("operator"):
            case "label", "In":
                inside += values
                seen_in = True
            case "label", "NotIn":
                if not seen_in:
                    outside += values
            case "namespace", "In" if kind == "KubeArmorClusterPolicy":
                namespaces_in = (namespaces_in or []) + values
            case "namespace", "NotIn" if kind == "KubeArmorClusterPolicy":
                namespaces_out += values
            case _:
                pass  # (e)
    if outside:
        labels_match = not any(value in present for value in outside)
    elif inside:
        labels_match = any(value in present for value in inside)
    else:
        labels_match = True
    if namespaces_in is not None:  # (d)
        return labels_match and namespace in namespaces_in
    return labels_match and namespace not in namespaces_out


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


# --------------------------------------------------------------------------------------------------- 4.2 Patterns


class MalformedError(Exception):
    pass


Token = tuple[str, Any]


def pattern_matches(pattern: str, target: str) -> bool:
    try:
        tokens, end = parse_sequence(pattern, 0, inside=False)
    except MalformedError:
        return False
    assert end == len(pattern)
    return any(match_here(chosen, 0, target, 0, set()) for chosen in choices(tokens))


def parse_sequence(text: str, at: int, *, inside: bool) -> tuple[list[Token], int]:
    tokens: list[Token] = []
    while at < len(text):
        letter = text[at]
        if inside and letter in ",}":
            return tokens, at
        if letter == "*":
            end = at
            while end < len(text) and text[end] == "*":
                end += 1
            # "Preceded" and "followed" are about the pattern as written (unsaid for `{*,a}`: a brace is no start).
            preceded = (at == 0) if not tokens else tokens[-1] == ("letter", "/")
            followed = end == len(text) or text.startswith(("/", "\\/"), end)
            tokens.append(("star", (end - at > 1, 1 if preceded and followed else 0)))
            at = end
        elif letter == "?":
            tokens.append(("one", None))
            at += 1
        elif letter == "[":
            token, at = parse_set(text, at + 1)
            tokens.append(token)
        elif letter == "{":
            options: list[list[Token]] = []
            at += 1
            while True:
                option, at = parse_sequence(text, at, inside=True)
                options.append(option)
                if at == len(text):
                    raise MalformedError("unclosed {")
                at += 1
                if text[at - 1] == "}":
                    break
            tokens.append(("choice", options))
        elif letter == "}":
            raise MalformedError("lone }")
        elif letter == "\\":
            if at + 1 == len(text):
                raise MalformedError("final backslash")
            tokens.append(("letter", text[at + 1]))
            at += 2
        else:
            tokens.append(("letter", letter))
            at += 1
    return tokens, at


def parse_set(text: str, at: int) -> tuple[Token, int]:
    negated = text[at : at + 1] == "^"
    if negated:
        at += 1
    ranges: list[tuple[str, str]] = []
    first = True
    while True:
        if at >= len(text):
            raise MalformedError("unclosed [")
        letter = text[at]
        if letter == "]" and not first:
            return ("set", (negated, ranges)), at + 1
        first = False
        if text[at + 1 : at + 2] == "-" and at + 2 < len(text) and text[at + 2] != "]":
            if text[at + 2] < letter:
                raise MalformedError("descending range")
            ranges.append((letter, text[at + 2]))
            at += 3
        else:
            ranges.append((letter, letter))
            at += 1


def choices(tokens: list[Token]) -> Iterator[list[Token]]:
    if not tokens:
        yield []
        return
    (name, value), rest = tokens[0], tokens[1:]
    heads = [[tokens[0]]] if name != "choice" else [head for option in value for head in choices(option)]
    for head in heads:
        for tail in choices(rest):
            yield head + tail


def match_here(tokens: list[Token], i: int, target: str, at: int, failed: set[tuple[int, int]]) -> bool:
    """Whether the tokens from `i` match the target from `at`; `failed` are places known not to."""
    if (i, at) in failed:
        return False
    if match_from(tokens, i, target, at, failed):
        return True
    failed.add((i, at))
    return False


def match_from(tokens: list[Token], i: int, target: str, at: int, failed: set[tuple[int, int]]) -> bool:
    if i == len(tokens):
        return at == len(target)
    name, value = tokens[i]
    if name == "star":
        deep, least = value
        length = 0
        while True:
            if length >= least and match_here(tokens, i + 1, target, at + length, failed):
                return True
            if at + length >= len(target) or (not deep and target[at + length] == "/"):
                return False
            length += 1
    if at >= len(target):
        return False
    letter = target[at]
    match name:
        case "one":
            fits = letter != "/"
        case "set":
            negated, ranges = value
            fits = letter != "/" and any(low <= letter <= high for low, high in ranges) != negated
        case _:
            fits = letter == value
    return fits and match_here(tokens, i + 1, target, at + 1, failed)


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


# ------------------------------------------------------------------------------------------- 5 Model kubearmor


def kubearmor(policies: list[Document], workload: Workload, posture: Posture, access: Access) -> Outcome:
    selecting = [document for document in policies if selects("kubearmor", document, workload)]
    store, allow_listed = fill(selecting)
    domain = DOMAINS.get(access.op)
    outcome: Outcome = ("allowed", None, [])
    if domain is not None and not skipped(domain, access):
        rule = look_up(store, domain, access)
        if rule is not None:
            passes = lets_pass(rule, access, domain in allow_listed, posture)
            if passes:
                outcome = ("allowed", rule.name, [])
            else:
                outcome = ("denied", rule.name, [(blame(rule), "Block", rule.name)])
        elif domain in allow_listed:  # 5.3, end
            verdict, report = by_posture(posture, domain)
            outcome = (verdict, None, [report])
    # 5.5: the last in order of arrival counts, and only its own action
    last: dict[str, tuple[str, str, str]] = {}
    for document in selecting:
        for name, preset, own in presets_of(document):
            last[preset] = (document["metadata"]["name"], name, own)
    blocking = []
    for preset, (policy, name, own) in last.items():
        if preset_hits(preset, access):
            if own == "Audit":
                outcome[2].append((policy, "Audit", name))  # unsaid: 5 leaves out Audit rules only
            else:
                blocking.append((policy, name))
    return with_presets(outcome, blocking)


def skipped(domain: str, access: Access) -> bool:
    """5.2: allowed at once, without posture."""
    if domain not in ("process", "file"):
        return False
    no_path = not access.target.startswith("/")
    return access.target == "/" or no_path or (access.op == "modify" and access.how == "chown")


Store = dict[tuple[str, bytes, bytes], tuple[str, Entry]]
"""(domain, scope, key) -> sort of key, rule.

Unsaid: an exact key and a directory key of one spelling (`dir: //` has the exact key `/`) are one key, as in one map.
Sorts of network keys cannot be spelled alike: types are words, protocols numbers.
"""


def fill(selecting: list[Document]) -> tuple[Store, set[str]]:
    """5.1"""
    store: Store = {}
    allow_listed: set[str] = set()
    for document in selecting:
        written = []
        for rule in entries("kubearmor", document):  # in the order of LISTS, which is that of 5.1
            if rule.action not in ("Allow", "Block") or rule.list_name == "matchPatterns":
                continue
            if document["kind"] == "KubeArmorHostPolicy" and rule.domain in ("dns", "capabilities"):
                continue
            if rule.action == "Allow":
                allow_listed.add(rule.domain)
            written.append(rule)
        everything = []
        for rule in written:
            if rule.list_name == "matchProtocols" and rule.fields["protocol"].lower() == "all":
                everything.append(rule)
            else:
                for sort, key in keys(rule, document):
                    put(store, rule, sort, key)
        for rule in ordered_alls(everything):
            bare = Entry(
                rule.name,
                rule.policy,
                rule.domain,
                rule.list_name,
                {"protocol": "all"},  # without pts
                rule.action,
                rule.sources,
            )
            for kind in SOCKET_TYPES:
                put(store, bare, "type", kind.encode())
    return store, allow_listed


def ordered_alls(everything: list[Entry]) -> list[Entry]:
    """First the first global Allow and the first global Block in their order, then sourced Allow, sourced Block.

    Unsaid: of the sourced ones of one action and one source too, the first gives its name.
    """
    firsts: dict[str, Entry] = {}
    for rule in everything:
        if rule.sources is None:
            firsts.setdefault(rule.action, rule)
    sourced = [rule for rule in everything if rule.sources is not None]
    # Written backwards, so that the first one stays.
    allows = [rule for rule in reversed(sourced) if rule.action == "Allow"]
    blocks = [rule for rule in reversed(sourced) if rule.action == "Block"]
    return [*firsts.values(), *allows, *blocks]


def put(store: Store, rule: Entry, sort: str, key: bytes) -> None:
    # Writing a key again replaces the whole rule; keys are cut to 200 bytes (5.2).
    for source in rule.sources if rule.sources is not None else [""]:
        store[rule.domain, (source or "").encode()[:200], key[:200]] = (sort, rule)


def keys(rule: Entry, document: Document) -> Iterator[tuple[str, bytes]]:
    fields = rule.fields
    match rule.list_name:
        case "matchPaths":
            yield "exact", (fields.get("execname") or fields.get("path") or "").encode()
        case "matchDirectories":
            directory = fields["dir"]
            yield "exact", directory.rpartition("/")[0].encode()
            yield ("directory" if directory.endswith("/") else "exact"), directory.encode()
        case "matchProtocols":
            word = fields["protocol"].lower()
            if word in SOCKET_TYPES:
                yield "type", word.encode()
            elif word in PROTOCOL_NUMBERS:
                yield "protocol", str(PROTOCOL_NUMBERS[word]).encode()
        case "matchDNSQueries":
            domain = fields["domain"].strip(".")
            if not domain:
                return  # unsaid, as in 4.1
            namespace = ""
            if document["kind"] == "KubeArmorPolicy":
                namespace = document["metadata"].get("namespace") or "default"
            for suffix in (
                "",
                ".cluster.local",
                ".svc.cluster.local",
                ".domain.name",
                f".{namespace}.svc.cluster.local",
            ):
                yield "domain", (domain + suffix).encode()
        case "matchCapabilities":
            name = fields["capability"]
            if "cap_" not in name:
                name = "cap_" + name
            name = name.lower()
            if name.removeprefix("cap_") not in CAPABILITIES - {"checkpoint_restore"}:
                name = "cap_chown"
            if not name.startswith("cap_"):
                name = "cap_chown"
            yield "capability", name.encode()


def seen(path: str) -> bytes:
    """5.2: the last 20 components, then cut to 199 bytes."""
    components = path.split("/")[1:]
    return ("/" + "/".join(components[-20:])).encode()[:199]


def look_up(store: Store, domain: str, access: Access) -> Entry | None:
    """5.2"""
    source = access.parent_source if access.op == "exec" else access.source
    scopes = ([] if source is None else [seen(source)]) + [b""]
    for scope in scopes:
        for sort, key in wanted(store, domain, scope, access):
            found = store.get((domain, scope, key))
            if found is not None and found[0] == sort:
                return found[1]
    return None


def wanted(store: Store, domain: str, scope: bytes, access: Access) -> Iterator[tuple[str, bytes]]:
    """The keys of one scope that are looked for, in order."""
    if domain in ("process", "file"):
        path = seen(access.target)
        yield "exact", path  # 1
        if domain == "process" and scope == b"":
            # 2; unsaid for a path that was cut: the component is that of the whole path, cut on its own
            yield "exact", access.target.rpartition("/")[2].encode()[:199]
        window = path[:64]
        prefixes = [window[: i + 1] for i in range(len(window)) if window[i : i + 1] == b"/"]
        for prefix in reversed(prefixes):  # 3: the longest recursive one
            sort, rule = store.get((domain, scope, prefix), ("", None))
            if sort == "directory" and rule is not None and rule.fields.get("recursive") is True:
                yield "directory", prefix
        yield "directory", prefixes[-1]
    elif domain == "network":
        yield "type", access.type.encode()
        yield "protocol", str(socket_protocol(access)).encode()
    elif domain == "dns":
        name = access.target.encode()[:63]
        labels = name.split(b".")
        for dropped in range(min(len(labels), 11)):
            yield "domain", b".".join(labels[dropped:])
    else:
        yield "capability", b"cap_" + access.target.lower().removeprefix("cap_").encode()


def lets_pass(rule: Entry, access: Access, allow_listed: bool, posture: Posture) -> bool:
    """5.3: the first line that applies."""
    owner = access.uid == access.owner_uid
    block = rule.action == "Block"
    lost = access.source is None and allow_listed
    match access.op:
        case "exec":
            if rule.args and kubearmor_args(rule, access):
                return True
            if rule.owner_only:
                return owner and not rule.args
            if rule.off_tty:
                return not access.tty
            return not block
        case "read" | "write":
            if rule.owner_only:
                passes = owner
            elif rule.read_only:
                passes = True
            elif rule.off_tty:
                passes = not access.tty
            else:
                passes = not block or lost
            if access.op == "read" or not passes:
                return passes
            if rule.read_only:
                return False
            return not (rule.off_tty and access.tty and allow_listed)
        case "modify":
            if rule.owner_only:
                return owner or (lost and not rule.off_tty)
            if rule.off_tty:
                return not access.tty
            return not block or lost
        case "network":
            if rule.off_tty:
                return not (access.tty and (block or posture.network == "block"))
            return not block
        case _:
            return not block


def kubearmor_args(rule: Entry, access: Access) -> bool:
    if rule.fields.get("execname") or len(access.args) > 20:
        return False
    return args_listed(rule, [arg.encode()[:103].decode(errors="surrogateescape") for arg in access.args])
