"""What the kernel said and did about one access -> the decision it made (pure)."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass

from hauberk.enforcer.kernel.image import Image
from hauberk.enforcer.kernel.wire import How, Operation, Reason, Record
from hauberk.enforcer.trials.deeds import Deed
from hauberk.policy.model import Action, Decision, Report, Rule, Verdict
from hauberk.policy.tables import CAPABILITY_NAMES

_OPERATIONS = {
    "exec": Operation.EXEC,
    "read": Operation.READ,
    "write": Operation.WRITE,
    "modify": Operation.MODIFY,
    "network": Operation.NETWORK,
    "capability": Operation.CAPABILITY,
}
_HOWS = {
    "create": {How.MKNOD, How.MKDIR, How.SYMLINK},
    "delete": {How.UNLINK, How.RMDIR},
    "rename": {How.RENAME},
    "link": {How.LINK},
    "truncate": {How.TRUNCATE},
    "chmod": {How.CHMOD},
    "chown": {How.CHOWN},
    "": {How.CHOWN},
}
"""By which hooks the kernel asks about a change; without a way, the actor changes the owner."""
_DENIED = {errno.EACCES, errno.EPERM}
_LATER = {
    "network": {errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT, errno.EAFNOSUPPORT},
    "modify": {errno.ENOTEMPTY},
}
"""What the kernel says after it has asked (net/socket.c, __sock_create; fs/namei.c, do_rmdir)."""
_DEFAULT = "DefaultPosture"
_PROTOCOLS = {1: 6, 2: 17, 5: 132}
"""Of a socket type that is given none (semantics 4.1.1)."""


@dataclass(frozen=True, slots=True)
class Seen:
    """`errno` is what the access ended with, -1 for a program that started and did not end well."""

    errno: int
    records: tuple[Record, ...]


def decision_of(deed: Deed, seen: Seen, image: Image) -> Decision | str:
    """The kernel's decision, else why what happened says none."""
    mine = [record for record in seen.records if is_about(deed, record)]
    others = [record for record in seen.records if record.result and record not in mine]
    # a system call may ask twice
    reports = tuple(dict.fromkeys(report for record in mine for report in reports_of(record, image)))
    denying = [record for record in mine if record.result and record.reason is not Reason.WATCH]
    rule = next((report.rule for record in denying for report in reports_of(record, image)), None)
    if any(record.reason is Reason.CANNOT_TELL for record in mine):
        return "the kernel cannot tell the path, and denies what it cannot tell"
    if any(record.result for record in mine):
        if seen.errno not in _DENIED:
            return f"the kernel reports a denial, and the access ended with {_name(seen.errno)}: report this"
        return Decision(Verdict.DENIED, rule, reports)
    before = next((record for record in others if _comes_before(deed, record)), None)
    if before:
        return f"{_said(before, image)} is denied first, and so the kernel was not asked"
    if deed.op == "modify" and (same := next((one for one in others if one.resource == deed.target), None)):
        return f"the kernel denies it as {same.how.name.lower()}: report this"
    if not seen.errno or seen.errno in _LATER.get(deed.op, set()):
        return Decision(Verdict.ALLOWED, None, reports)
    if not others:
        why = "the program that it starts did not end well" if seen.errno < 0 else _name(seen.errno)
        return f"it fails for another reason than a policy: {why}"
    if seen.errno < 0 and others[0].how is How.MAP:
        # it was let start, and may not be in its own memory: it never ran
        killed = tuple(reports_of(others[0], image))
        return Decision(Verdict.DENIED, killed[0].rule, (*reports, *killed))
    return Decision(Verdict.ALLOWED, None, reports)


def is_about(deed: Deed, record: Record) -> bool:
    """Whether a record is of the access itself, and not of another one that it takes."""
    if record.op is not _OPERATIONS[deed.op]:
        return False
    match deed.op:
        case "network":
            return record.number == deed.type << 16 | (deed.protocol or _PROTOCOLS.get(deed.type, 0))
        case "capability":
            return record.number == CAPABILITY_NAMES.index(deed.target)
        case "modify":
            return record.how in _HOWS[deed.how] and record.resource == deed.target
        case _:
            return record.how is How.NONE and record.resource == deed.target


def _comes_before(deed: Deed, record: Record) -> bool:
    """Whether the kernel asks about what a record says before it asks about the access itself."""
    match deed.op:
        case "exec":  # fs/exec.c: do_open_execat, then bprm_check_security
            return record.op is Operation.READ and record.resource == deed.target
        case "capability":
            return True
        case _:
            return False


def reports_of(record: Record, image: Image) -> Iterator[Report]:
    """What the model calls reports: one for each rule that the record names."""
    if record.reason is Reason.WATCH:
        for number in image.sets[record.rule - 1]:
            origin = image.rules[number - 1]
            yield Report(origin.policy.name, "Audit", origin.name)
    elif record.rule:
        origin = image.rules[record.rule - 1]
        allows = isinstance(origin.entry, Rule) and origin.entry.action is Action.ALLOW
        yield Report(_DEFAULT if allows else origin.policy.name, "Block", origin.name)
    else:
        yield Report(_DEFAULT, "Block" if record.result else "Audit", None)


def _said(record: Record, image: Image) -> str:
    what = CAPABILITY_NAMES[record.number] if record.op is Operation.CAPABILITY else record.resource
    by = ", ".join(report.rule or report.policy for report in reports_of(record, image))
    return f"{record.op.name.lower()} {what} ({by})"


def _name(number: int) -> str:
    return os.strerror(number) if number else "success"
