"""Events never flood."""

from __future__ import annotations

from hauberk.enforcer.cluster.events import BURST, Correlator, Regarding, Said, Write

POLICY = Regarding("security.kubearmor.com/v1", "KubeArmorPolicy", "p", "web", "uid")


class Bench:
    def __init__(self) -> None:
        self.now, self.set = 1000.0, 0.0
        self.correlator = Correlator("node-1", lambda: self.now + self.set, str, lambda: self.now)

    def say(self, reason: str = "Denied", note: str = "n", about: Regarding = POLICY) -> Write | None:
        return self.correlator.take(Said(about, "Warning", reason, "Enforce", note))


def test_an_event_has_all_that_the_api_server_asks_for() -> None:
    write = Bench().say(note="é" * 1000)
    assert write is not None
    assert (write.namespace, write.count) == ("web", 0)
    assert write.body["regarding"] == {
        "apiVersion": "security.kubearmor.com/v1",
        "kind": "KubeArmorPolicy",
        "name": "p",
        "namespace": "web",
        "uid": "uid",
    }
    assert write.body["eventTime"] == "1000.0"
    assert len(write.body["note"].encode()) <= 1024
    assert all(write.body[key] for key in ("reportingController", "reportingInstance", "action", "reason", "type"))


def test_what_is_alike_becomes_a_series() -> None:
    bench = Bench()
    first, second = bench.say(note="a"), bench.say(note="b")
    assert first is not None
    assert second is not None
    assert (second.name, second.count) == (first.name, 2)
    assert second.body == {"series": {"count": 2, "lastObservedTime": "1000.0"}}
    assert bench.say() is None
    # said again now and then while it goes on
    for _ in range(6):
        bench.now += 300.1
        found = bench.say()
    assert found is not None
    assert found.count == 9
    bench.now += 361
    later = bench.say()
    assert later is not None
    assert later.count == 0
    assert later.name != first.name


def test_a_clock_that_is_set_back_delays_no_event() -> None:
    bench = Bench()
    assert bench.say() is not None
    bench.set = -2 * 86400
    written = [bench.say(reason=f"Denied{number}") for number in range(100)]
    assert sum(one is not None for one in written) == BURST - 1
    bench.now += 301
    found = bench.say(reason="Other")
    assert found is not None
    assert found.body["eventTime"] == str(bench.now + bench.set)


def test_ten_thousand_alerts_make_at_most_25_events() -> None:
    bench = Bench()
    written = [bench.say(reason=f"Denied{number % 500}") for number in range(10_000)]
    assert sum(one is not None for one in written) == BURST
    assert bench.correlator.dropped > 0
    other = Regarding("v1", "Node", "node-1")
    assert bench.say(about=other) is not None
    bench.now += 301
    assert bench.say(reason="another") is not None
    assert bench.say(reason="one more") is None


def test_what_is_remembered_has_a_bound() -> None:
    bench = Bench()
    for number in range(10_000):
        bench.say(about=Regarding("v1", "Node", f"n{number}"))
    assert len(bench.correlator._series) <= 4096
    assert len(bench.correlator._buckets) <= 4096
