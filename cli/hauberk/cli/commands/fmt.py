"""`hauberk fmt`: canonical field order and indentation. What cannot be proven to mean the same is left as it is."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from hauberk.cli import sources
from hauberk.cli.files import write
from hauberk.cli.reorder import reordered
from hauberk.policy.documents import Document, decode, read
from hauberk.policy.loose import is_mapping
from hauberk.policy.problems import HauberkError, Problem
from hauberk.policy.schema import KINDS, schema_of

_ROUNDS = 3
_BOM = b"\xef\xbb\xbf"


@dataclass(slots=True)
class Formatted:
    """`failed` says that a file could not be read as YAML; `notes` why files were left as they are."""

    changed: list[str] = field(default_factory=list[str])
    unchanged: int = 0
    notes: list[str] = field(default_factory=list[str])
    failed: bool = False


class _NotFormattedError(Exception):
    """The reason why a text is left as it is."""


def run(paths: Sequence[str], *, write_files: bool, exclude: Sequence[str] = ()) -> Formatted:
    """Formats the files that hold policies, one by one: each is written whole or not at all."""
    names = sources.find(paths, markdown=False, exclude=exclude)
    if sources.STDIN in names:
        raise HauberkError("fmt changes files: name them instead of standard input")
    result = Formatted()
    for name in names:
        source = sources.read(name)
        shown = source.path
        text = source.trouble or decode(source.data)
        if source.trouble or isinstance(text, Problem):
            result.notes.append(f"{shown}: {source.trouble or text.message if isinstance(text, Problem) else text}")
            result.failed = True
            continue
        if "KubeArmor" not in text or name.endswith(".json"):
            if name in paths:
                result.notes.append(f"{shown}: holds no policy in YAML: nothing to format")
            continue
        try:
            formatted = format_text(text)
        except _NotFormattedError as error:
            result.notes.append(f"{shown}: left as it is: {error}")
            result.failed = True
            continue
        if formatted is None:
            continue
        if formatted == text:
            result.unchanged += 1
            continue
        result.changed.append(shown)
        if write_files:
            write(name, ("\ufeff" if source.data.startswith(_BOM) else "") + formatted)
    return result


def format_text(text: str) -> str | None:
    """The text in canonical form with the line ends that most of its lines have.

    None when it holds no policy or is a template.
    """
    ends = "\r\n" if 2 * text.count("\r\n") > text.count("\n") else "\n"
    formatted = _canonical(text.replace("\r\n", "\n"))
    return formatted and formatted.replace("\n", ends)


def _canonical(text: str) -> str | None:
    before = _policies(text)
    if before is None:
        return None
    now = text
    for _ in range(_ROUNDS):
        after = _indented(_ordered(now))
        if after == now:
            break
        now = after
    else:
        raise _NotFormattedError("its canonical form does not settle")
    if _policies(now) != before or _comments(now) != _comments(text):
        raise _NotFormattedError("its meaning or its comments would change")
    return now


def _read(text: str) -> list[Document] | None:
    parsed = read(text)
    if parsed.skipped:
        return None
    problems = [*parsed.problems, *(problem for document in parsed.documents for problem in document.problems)]
    for problem in problems:
        if problem.detail.get("severity") != "warning":
            where = f"line {problem.position.line}: " if problem.position else ""
            raise _NotFormattedError(f"{where}{problem.message}")
    return parsed.documents


def _policies(text: str) -> list[Any] | None:
    """Data of all documents, when there is a policy among them."""
    documents = _read(text)
    if documents is None or not any(_is_policy(document) for document in documents):
        return None
    return [document.data for document in documents]


def _is_policy(document: Document) -> bool:
    return is_mapping(document.data) and document.data.get("kind") in KINDS and not document.base


def _ordered(text: str) -> str:
    rows = text.splitlines(keepends=True)
    if rows and not rows[-1].endswith("\n"):
        rows[-1] += "\n"
    for document in _read(text) or []:
        if _is_policy(document):
            rows = reordered(rows, document, schema_of(document.data["kind"]))
    return "".join(rows)


def _indented(text: str) -> str:
    yaml: Any = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 1_000_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.explicit_start = False
    out = io.StringIO()
    try:
        documents = list(yaml.load_all(text.replace("\t", " ")))
        yaml.dump_all(documents, out)
    except (YAMLError, ValueError, AttributeError, NotImplementedError) as error:
        raise _NotFormattedError(f"ruamel.yaml cannot read it: {str(error).splitlines()[0]}") from None
    return out.getvalue()


def _comments(text: str) -> Counter[str]:
    return Counter(_comment_texts(text))


def _comment_texts(text: str) -> Iterator[str]:
    """Texts after a `#` that starts a comment, or looks so: enough to see that none is lost."""
    for row in text.splitlines():
        stripped = row.strip()
        if stripped.startswith("#"):
            yield stripped.rstrip()
        elif " #" in row.replace("\t", " "):
            yield row.replace("\t", " ").split(" #", 1)[1].strip()
