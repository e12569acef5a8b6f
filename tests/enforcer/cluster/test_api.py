"""What an API server, or something that stands before it, answers; a server here says it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hauberk.enforcer.cluster.api import Api, ApiError, UnreachableError, decoded

ANSWERS = {
    "/good": (200, b'{"kind": "List", "items": []}'),
    "/list": (200, b"[]"),
    "/text": (200, b"<html>sign in</html>"),
    "/cut": (200, b'{"kind": "Li'),
    "/gone": (404, b"404 page not found\n"),
    "/refused": (403, b'{"kind": "Status", "reason": "Forbidden", "message": "you may not"}'),
    "/proxy": (502, b"\xffbad gateway"),
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = ANSWERS[self.path]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_DELETE = do_GET  # noqa: N815  as http.server calls it

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as http.server calls it
        pass


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "u", "user": {}}],
    }
    path = tmp_path_factory.mktemp("api") / "kubeconfig"
    path.write_text(json.dumps(config))
    yield Api(Path(path))
    server.shutdown()
    server.server_close()


def test_an_answer(api: Api) -> None:
    assert api.get("/good") == {"kind": "List", "items": []}


@pytest.mark.parametrize("path", ["/list", "/text", "/cut"])
def test_what_is_no_api_server(api: Api, path: str) -> None:
    with pytest.raises(UnreachableError, match="what answers is no API server"):
        api.get(path)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/refused", "403 Forbidden: you may not"),
        ("/gone", "404 : 404 page not found"),
        ("/proxy", "502 : �bad gateway"),
    ],
)
def test_a_refusal(api: Api, path: str, said: str) -> None:
    with pytest.raises(ApiError) as found:
        api.get(path)
    assert str(found.value) == f"{path}: the API server says {said}"


def test_what_is_gone_is_deleted(api: Api) -> None:
    api.delete("/gone")
    with pytest.raises(ApiError):
        api.delete("/refused")


@pytest.mark.parametrize("data", [b"", b"{", b"NaN", b"\xff", b"{} {}", b"404 page not found"])
def test_what_is_no_json(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        decoded(data)
