"""One source -> its subjects: what the rules will be asked about, before other files are known."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from hauberk.cli.finding import PolicyRef
from hauberk.cli.markdown import blocks
from hauberk.cli.sources import Source, is_markdown
from hauberk.cli.suppress import Suppression, suppressions
from hauberk.policy.documents import Document, Parsed, decode
from hauberk.policy.documents import read as read_documents
from hauberk.policy.facts import Facts
from hauberk.policy.loose import is_mapping, mapping
from hauberk.policy.loose import text as text_of
from hauberk.policy.model import GROUP_VERSION
from hauberk.policy.parse import parse_policy
from hauberk.policy.problems import Problem
from hauberk.policy.repository import Entry
from hauberk.policy.schema import KINDS
from hauberk.policy.validate import problems as schema_problems
from hauberk.policy.workloads import Manifest, Namespace, Place, parse_manifest

_GROUP = "security.kubearmor.com/"
# they matter where a policy is, and are the business of others elsewhere
_ONLY_WITH_POLICIES = frozenset(("yaml-tab", "yaml-merge", "duplicate-key", "yaml-tag"))


@dataclass(slots=True)
class Subject:
    """What one facts document will be about; the facts themselves are made when the rules are asked.

    `document` is its number in the source, None for what is about the whole source; `entry` its position in
    `Loaded.entries`, None for what has no model; `given` are facts that are there already.
    """

    problems: tuple[Problem, ...] = ()
    ref: PolicyRef | None = None
    document: int | None = None
    entry: int | None = None
    namespace: Namespace | None = None
    given: Facts | None = None


@dataclass(slots=True)
class Loaded:
    """`whole`: nothing in it was passed over because of a syntax error; `unreadable`: why there is no text at all.

    `digest` stands for its bytes.
    """

    path: str
    text: str = ""
    subjects: list[Subject] = field(default_factory=list[Subject])
    entries: list[Entry] = field(default_factory=list[Entry])
    manifests: list[Manifest] = field(default_factory=list[Manifest])
    suppressions: list[Suppression] = field(default_factory=list[Suppression])
    notes: list[str] = field(default_factory=list[str])
    policies: int = 0
    kept: list[Document] | None = None
    whole: bool = True
    unreadable: str = ""
    digest: bytes = b""

    def documents(self) -> list[Document]:
        """The documents; read again unless they were kept, which would fill the memory of a large run."""
        if self.kept is not None:
            return self.kept
        return [document for parsed in _parse(self.path, self.text) for document in parsed.documents]


def load(source: Source, *, keep: bool) -> Loaded:
    """All that the source says by itself; total: whatever is wrong with it becomes a problem or a note."""
    loaded = Loaded(source.path, digest=hashlib.sha256(source.data).digest())
    if source.trouble:
        loaded.unreadable = f"{source.path}: {source.trouble}"
        return loaded
    text = decode(source.data)
    if isinstance(text, Problem):
        _file_subject(loaded, [text])
        return loaded
    loaded.text = text
    problems: list[Problem] = []
    number = 0
    kept: list[Document] = []
    for parsed in _parse(source.path, text):
        if parsed.skipped:
            loaded.notes.append(f"{source.path}: skipped: {parsed.skipped}")
        problems.extend(parsed.problems)
        for document in parsed.documents:
            _document(loaded, document, number)
            number += 1
            kept.append(document)
    loaded.kept = kept if keep else None
    if not loaded.policies:
        problems = [problem for problem in problems if problem.kind not in _ONLY_WITH_POLICIES]
    if problems:
        _file_subject(loaded, problems)
    if loaded.subjects:
        loaded.suppressions = suppressions(text, kept)
        loaded.whole = not problems
    return loaded


def _parse(path: str, text: str) -> Iterator[Parsed]:
    if not is_markdown(path):
        yield read_documents(text)
        return
    for block, line, column in blocks(text):
        yield read_documents(block, line=line, column=column)


def _file_subject(loaded: Loaded, problems: list[Problem]) -> None:
    loaded.subjects.append(Subject(tuple(problems)))


def _document(loaded: Loaded, document: Document, number: int) -> None:
    data = document.data
    if not is_mapping(data):
        return
    kind, version = data.get("kind"), data.get("apiVersion")
    line = document.value_at("").line
    if isinstance(kind, str) and kind in KINDS:
        _policy(loaded, document, number, line)
    elif (
        isinstance(version, str) and version.startswith(_GROUP) and isinstance(kind, str) and not kind.endswith("List")
    ):
        message = f"{kind} is not a kind of {version} that Hauberk knows: it is not checked"
        problem = Problem("unknown-kind", "/kind", message, None, {"name": kind, "severity": "warning"})
        loaded.subjects.append(Subject((problem,), document=number))
    else:
        manifest = parse_manifest(data, Place(loaded.path, line))
        if manifest is not None:
            loaded.manifests.append(manifest)
        if isinstance(manifest, Namespace):
            loaded.subjects.append(Subject(document=number, namespace=manifest))


def _policy(loaded: Loaded, document: Document, number: int, line: int) -> None:
    kind: str = document.data["kind"]
    loaded.policies += 1
    problems = [*document.problems, *schema_problems(document, kind)]
    version = document.data.get("apiVersion")
    if version != GROUP_VERSION and isinstance(version, str):
        message = f"{kind} of {version}: the API server knows it as {GROUP_VERSION} only"
        problems.append(Problem("unknown-kind", "/apiVersion", message, None, {"name": version, "severity": "warning"}))
    policy = parse_policy(document.data)
    metadata = mapping(document.data.get("metadata"))
    ref = PolicyRef(kind, text_of(metadata.get("namespace")), text_of(metadata.get("name")))
    subject = Subject(tuple(problems), ref, number)
    if policy is not None:
        subject.entry = len(loaded.entries)
        pointers = [*(rule.pointer for rule in policy.rules), *(preset.pointer for preset in policy.presets)]
        loaded.entries.append(
            Entry(
                policy,
                Place(loaded.path, line),
                tuple(document.value_at(p).line for p in pointers),
                loaded.digest + number.to_bytes(4),
            )
        )
    loaded.subjects.append(subject)
