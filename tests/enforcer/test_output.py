"""What people read."""

from __future__ import annotations

from dataclasses import replace

from enforcer.made import RECORD, WORKLOAD, image
from hauberk.enforcer.alerts import Context, Pod, alerts_of
from hauberk.enforcer.commands.events import Counts
from hauberk.enforcer.kernel.wire import Operation, Reason
from hauberk.enforcer.output import text


def line(spec: str, **other: object) -> str:
    (alert,) = alerts_of(replace(RECORD, **other), image(spec), Pod(WORKLOAD), Context(lambda: 0))  # type: ignore[arg-type]
    return text.alert(alert)


def test_an_alert_is_one_line() -> None:
    said = line("action: Allow\nprocess: {matchPaths: [{path: /a}]}")
    where = "(Permission denied; DefaultPosture; web/nginx)"
    assert said == f"1970-01-01T00:00:05.000001Z Block Process /usr/bin/ls by /usr/bin/bash {where}"
    noted = "action: Audit\nmessage: watched\nnetwork: {matchProtocols: [{protocol: tcp}]}"
    said = line(noted, op=Operation.NETWORK, reason=Reason.WATCH, rule=1, result=0, number=1 << 16 | 6, resource="")
    assert said.endswith(
        " Audit Network protocol=TCP type=SOCK_STREAM by /usr/bin/bash (Passed; p0; web/nginx): watched"
    )


def test_counts() -> None:
    assert text.counts(Counts(1, 2, 3, 4)) == (
        "1 alert; since the programs were loaded: 4 denied, 2 reports lost as the ring was full, 3 suppressed by --rate"
    )
