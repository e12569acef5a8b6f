"""What happens on the node -> status, drift reports and Events in the API."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from hauberk.enforcer.cluster import reports
from hauberk.enforcer.cluster.api import Api
from hauberk.enforcer.cluster.behaviour import Behaviour
from hauberk.enforcer.cluster.events import Regarding, Said
from hauberk.enforcer.cluster.publisher import News, Publisher, about_node, about_policy
from hauberk.enforcer.cluster.reports import Digests, Versions
from hauberk.enforcer.cluster.source import ClusterSource
from hauberk.enforcer.node.daemon import Status
from hauberk.enforcer.node.wanted import PolicyKey, PolicyObject, Standing
from hauberk.enforcer.version import version_line

if TYPE_CHECKING:
    from hauberk.enforcer.alerts import Alert
    from hauberk.enforcer.kernel.wire import Record
    from hauberk.enforcer.node.applied import Applier
    from hauberk.enforcer.node.daemon import Daemon

STALE = 180.0
"""Seconds without a word from the API server after which the node says so."""


class Reporter:
    """One for a daemon; its methods may be called from any thread."""

    def __init__(
        self,
        api: Api,
        source: ClusterSource,
        node: str,
        namespace: str,
        jitter: float,
        trouble: Callable[[str], None] = lambda _: None,
        *,
        open_reports: bool = False,
    ) -> None:
        """`trouble` is told why nothing is written, and "" when it is over."""
        self._trouble, self._open_reports = trouble, open_reports
        self._api, self._source, self._node = api, source, node
        self._namespace, self._jitter = namespace, jitter
        self._digests = Digests()
        self._standings: dict[PolicyKey, tuple[Standing, bool]] = {}
        self._told: News | None = None
        self._indexed: Mapping[PolicyKey, PolicyObject] = {}
        self._index: dict[tuple[str, str], PolicyKey] = {}

    def start(self, daemon: Daemon, applier: Applier, programs: int, *, observing: bool = False) -> None:
        self._daemon = daemon
        self._behaviour = Behaviour(applier.at, lambda: daemon.policies)
        versions = Versions(version_line(), os.uname().release, f"{programs} programs", observing=observing)
        self._publisher = Publisher(
            self._api,
            self._node,
            versions,
            self._namespace,
            jitter=self._jitter,
            trouble=self._trouble,
            open_reports=self._open_reports,
            owner=self._source.node_uid,
        )
        self._publisher.start()

    def end(self) -> None:
        self._publisher.end()

    def staleness(self) -> float:
        return self._source.staleness()

    def numbers(self) -> dict[tuple[str, str], float]:
        """For metrics: (name, help) -> value."""
        publisher = self._publisher
        return {
            ("api_staleness_seconds", "Since the API server was last heard."): self.staleness(),
            ("api_writes_total", "Requests that write to the API server."): publisher.writes,
            ("api_failures_total", "Times that the API server did not take all that was to be written."): (
                publisher.failures
            ),
            ("events_dropped_total", "Events that were too many, or were refused."): publisher.events_dropped,
        }

    def tell(self, status: Status) -> None:
        """A new status of the node."""
        self._say_changes(status)
        self._publish(status)

    def beat(self) -> None:
        """About each second: what was counted meanwhile."""
        self._publish(self._daemon.status)

    def alert(self, record: Record, alert: Alert) -> None:
        """One alert was written."""
        self._behaviour.take(record, alert)
        key = self._key(alert)
        if key is None:
            return
        denied = alert["Action"] == "Block"
        where = alert["PodName"] or alert["ContainerID"] or "the node itself"
        what = f"{alert['Operation']} {alert['Resource']} by {alert['Source']} in {where}"
        self._publisher.say(
            Said(
                self._about(key),
                "Warning" if denied else "Normal",
                "Denied" if denied else "Audited",
                "Enforce",
                f"{what} on {self._node}: {alert['Result']}",
            )
        )

    def say(self, said: Said) -> None:
        """An Event, if it is one of not too many."""
        self._publisher.say(said)

    def _key(self, alert: Alert) -> PolicyKey | None:
        """The policy that an alert names."""
        policies = self._daemon.policies
        if policies is not self._indexed:
            self._indexed = policies
            self._index = {(key.name, key.namespace): key for key in policies}
        name = alert["PolicyName"]
        return self._index.get((name, alert["NamespaceName"])) or self._index.get((name, ""))

    def _publish(self, status: Status) -> None:
        daemon = self._daemon
        stale = self._source.staleness()
        seen = self._behaviour.counts(daemon.policies)
        news = News(
            status,
            daemon.policies,
            daemon.accepted,
            tuple(reports.drifts(status, daemon.policies, daemon.accepted, seen, self._digests)),
            f"for {int(stale // 60)} minutes" if stale > STALE else "",
        )
        if news != self._told:
            self._told = news
            self._publisher.tell(news)

    def _say_changes(self, status: Status) -> None:
        for one in status.standings:
            good = one.standing is Standing.ENFORCED
            before = self._standings.get(one.key)
            if before == (one.standing, bool(one.workloads)):
                continue
            # that a policy is in force is news where it selects something, or was not in force before
            quiet = before is None or before[0] is Standing.ENFORCED
            if good and not one.workloads and quiet:
                continue
            note = (
                f"enforced on {len(one.workloads)} workloads of {self._node}, {one.rules} rules"
                if good
                else f"on {self._node}: {one.failure.text if one.failure else one.standing}"
            )
            reason = one.standing.value if good else "NotEnforced"
            self._publisher.say(Said(self._about(one.key), "Normal" if good else "Warning", reason, "Enforce", note))
        self._standings = {one.key: (one.standing, bool(one.workloads)) for one in status.standings}
        for found in status.tampered:
            note = f"somebody changed what is in the kernel: {found}"
            self._publisher.say(Said(about_node(self._node), "Warning", "Tampered", "Compare", note))

    def _about(self, key: PolicyKey) -> Regarding:
        return about_policy(key, self._daemon.policies.get(key))
