"""The kubearmor model: section 5."""

from __future__ import annotations

from collections.abc import Iterator

from hauberk.policy.model import Access, Posture, Workload
from policy.reference.hauberk import (
    args_listed,
    blame,
    by_posture,
    preset_hits,
    presets_of,
    socket_protocol,
    with_presets,
)
from policy.reference.reading import (
    CAPABILITIES,
    DOMAINS,
    PROTOCOL_NUMBERS,
    SOCKET_TYPES,
    Document,
    Entry,
    Outcome,
    entries,
)
from policy.reference.selection import selects

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
