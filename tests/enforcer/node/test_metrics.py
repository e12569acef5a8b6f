"""Numbers, and whether the daemon lives and is ready."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from hauberk.enforcer.node.metrics import Gauges, Metrics
from hauberk.policy.problems import HauberkError


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_numbers_and_probes() -> None:
    ready = [False]
    numbers = {("policies", "Policies."): 3.0, ("alerts_lost_total", "Lost."): 2.0}
    served = Metrics("127.0.0.1:0", Gauges(lambda: numbers, lambda: True, lambda: ready[0]))
    code, text = get(served.port, "/metrics")
    assert code == 200
    assert "# HELP hauberk_policies Policies.\n# TYPE hauberk_policies gauge\nhauberk_policies 3.0\n" in text
    assert "# TYPE hauberk_alerts_lost_total counter\nhauberk_alerts_lost_total 2.0\n" in text
    assert get(served.port, "/healthz")[0] == 200
    assert get(served.port, "/readyz")[0] == 503
    ready[0] = True
    assert get(served.port, "/readyz")[0] == 200
    assert get(served.port, "/")[0] == 404
    with pytest.raises(HauberkError, match="Address already in use"):
        Metrics(f"127.0.0.1:{served.port}", Gauges(dict, lambda: True, lambda: True))
    served.close()


@pytest.mark.parametrize("address", ["", "9464", "127.0.0.1:http", "127.0.0.1:99999"])
def test_what_is_no_address_is_said(address: str) -> None:
    with pytest.raises(HauberkError, match=f"^--metrics {address}: "):
        Metrics(address, Gauges(dict, lambda: True, lambda: True))
