"""Numbers for Prometheus, and whether the daemon lives and is ready, over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from hauberk.policy.problems import HauberkError


@dataclass(frozen=True, slots=True)
class Gauges:
    """What is asked for when somebody reads: nothing is kept up in between."""

    numbers: Callable[[], dict[tuple[str, str], float]]
    """(name, help) -> value; names that end in `_total` are counters."""
    healthy: Callable[[], bool]
    ready: Callable[[], bool]


class _Collector:
    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges

    def collect(self) -> Any:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        for (name, said), value in self._gauges.numbers().items():
            family: Any = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            yield family(f"hauberk_{name}", said, value=value)


class Metrics:
    """Serves `/metrics`, `/healthz` and `/readyz`."""

    def __init__(self, address: str, gauges: Gauges) -> None:
        """`address` is HOST:PORT, or :PORT for all of the node's.

        Raises:
            HauberkError: it is no address, it is taken, or the library is not there.

        """
        try:
            from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
        except ImportError:
            raise HauberkError("--metrics needs prometheus-client: pip install 'hauberk[enforcer]'") from None
        host, colon, port = address.rpartition(":")
        if not colon or not port.isdigit():
            raise HauberkError(f"--metrics {address}: give HOST:PORT, such as 127.0.0.1:9464, or :9464")
        registry = CollectorRegistry()
        registry.register(_Collector(gauges))

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
                match self.path.partition("?")[0]:
                    case "/metrics":
                        self._say(200, generate_latest(registry), CONTENT_TYPE_LATEST)
                    case "/healthz":
                        self._yes_or_no(gauges.healthy())
                    case "/readyz":
                        self._yes_or_no(gauges.ready())
                    case _:
                        self._say(404, b"/metrics, /healthz, /readyz\n")

            def _yes_or_no(self, yes: bool) -> None:
                self._say(200 if yes else 503, b"ok\n" if yes else b"no\n")

            def _say(self, code: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
                self.send_response(code)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
                """Who reads metrics is no news."""

        try:
            self._server = ThreadingHTTPServer((host.strip("[]"), int(port)), Handler)
        except (OSError, OverflowError) as error:
            raise HauberkError(f"--metrics {address}: {error}") from None
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
