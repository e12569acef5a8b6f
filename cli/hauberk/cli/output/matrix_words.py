"""What all forms of a matrix say alike: letters, circumstances, decisions."""

from __future__ import annotations

from hauberk.cli.matrices import Matrices, WorkloadMatrix
from hauberk.cli.output.visible import visible
from hauberk.policy.axes import UNKNOWN, Asset, Program
from hauberk.policy.matrix import Answer, Ruling, Said, Sense
from hauberk.policy.model import Access, Op, Verdict

LETTERS: dict[Op, str] = {
    "read": "r",
    "write": "w",
    "modify": "m",
    "exec": "x",
    "network": "n",
    "dns": "d",
    "capability": "c",
    "map_exec": "e",
}
VERBS: dict[Op, str] = {
    "read": "reads",
    "write": "writes",
    "modify": "deletes",
    "exec": "runs",
    "network": "opens a socket",
    "dns": "asks DNS for",
    "capability": "uses",
    "map_exec": "maps memory to execute",
}
LEGEND = (
    "r read, w write, m modify (create, delete, rename, chmod), x run, n open a socket, d ask DNS, c use a capability, "
    "e execute anonymous memory"
)
SENSES = "small letter: allowed; CAPITAL: allowed and reported; -: denied; ?: depends"
MARKS = {"widened": "^", "narrowed": "v", "reported": "~"}
_CHANGES = "^ widened, v narrowed, ~ reported otherwise"


def legend(found: Matrices) -> str:
    return f"{LEGEND}\n{SENSES}" + (f"; {_CHANGES}" if found.compared else "")


def symbol(op: Op, sense: Sense) -> str:
    """The letter of the operation as its answer shows it."""
    match sense:
        case Sense.ALLOWED:
            return LETTERS[op]
        case Sense.AUDITED:
            return LETTERS[op].upper()
        case Sense.DENIED:
            return "-"
        case Sense.DEPENDS:
            return "?"


def symbols(asset: Asset, rulings: list[Ruling]) -> str:
    return "".join(symbol(op, ruling.sense()) for op, ruling in zip(asset.ops, rulings, strict=True))


def example(asset: Asset) -> str:
    """What of the asset was asked about."""
    return f"{asset.type}, protocol {asset.protocol}" if asset.group == "network" else asset.target


def sentence(op: Op, asset: Asset, program: Program) -> str:
    """`/usr/bin/bash reads /etc/shadow`."""
    return " ".join(part for part in (program.source or UNKNOWN, VERBS[op], example(asset)) if part)


def circumstances(way: Access, depends: tuple[str, ...]) -> str:
    """In words, those attributes that matter."""
    words = {
        "owner": "as its owner" if way.uid == way.owner_uid else "as a user who does not own it",
        "tty": "on a terminal" if way.tty else "without a terminal",
        "arguments": f"with arguments {' '.join(way.args[1:4])}" if way.args[1:] else "without arguments",
        "other_process": "of another process" if way.other_process else "of the same process",
        "container_exec": "by kubectl exec" if way.container_exec else "not by kubectl exec",
    }
    return ", ".join(words[name] for name in depends)


def parts(found: Matrices, said: Said) -> tuple[str, str, str]:
    """Verdict, rule and `file:line`; where no rule decides, that is said instead of one."""
    place = found.place(said.origin)
    reports = said.decision.reports
    verdict = said.decision.verdict.value
    if said.decision.verdict is Verdict.ALLOWED and reports:
        verdict += f" and reported ({', '.join(dict.fromkeys(report.policy for report in reports))})"
    if place.rule:
        return visible(verdict), visible(place.rule), visible(f"{place.path}:{place.line}")
    return visible(verdict), "posture, as no rule decides" if reports else "", ""


def decided(found: Matrices, said: Said) -> str:
    """`denied by p:file.matchPaths[0] (policy.yaml:14)`."""
    verdict, by, place = parts(found, said)
    return f"{verdict} by {by}{f' ({place})' if place else ''}" if by else f"{verdict}, as no rule decides"


def answered(found: Matrices, ruling: Ruling, answer: Answer) -> str:
    """One answer of a ruling, with what it was before where that is asked."""
    when = circumstances(answer.way, ruling.depends)
    now = decided(found, answer.said[-1])
    if found.compared:
        before = decided(found, answer.said[0])
        now = f"before {before}; after {now}" if before != now else now
    return f"{visible(when)}: {now}" if when else now


def heading(shown: WorkloadMatrix) -> str:
    """Where the posture comes from is part of what a reader must know to mend it."""
    posture = shown.posture
    held = f"file {posture.file}, network {posture.network}, capabilities {posture.capabilities}"
    return visible(f"{shown.target.name} (posture: {held}; {shown.posture_from})")
