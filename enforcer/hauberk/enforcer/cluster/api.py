"""Requests to an API server: the only module of the enforcer that imports the Kubernetes client.

Its transport and its ways to log in are used, not its models: they take 685 microseconds for a Pod, and the daemon
keeps four fields of one. msgspec takes 17, the standard library's json 35.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from hauberk.policy.loose import is_mapping, mapping
from hauberk.policy.problems import HauberkError

Query = Mapping[str, str | int]
_CONNECT, _READ = 5.0, 60.0
_MOST_LINE = 16 << 20
"""Bytes of one event: an object has 1.5 MiB at most (etcd), and an event one object."""


def decoded(data: bytes) -> Any:
    """The value of a JSON text that the API server sent.

    Raises:
        ValueError: it is none.

    """
    # here, as the package can be installed without its extra
    from msgspec.json import decode

    return decode(data)


class ApiError(HauberkError):
    """The API server says no; `status` is of HTTP, `reason` and `message` are its own."""

    def __init__(self, path: str, status: int, reason: str, message: str) -> None:
        super().__init__(f"{path}: the API server says {status} {reason}: {message}"[:500])
        self.status, self.reason = status, reason


class UnreachableError(HauberkError):
    """There is no answer."""


class Api:
    """One API server. Its methods may be called from any thread."""

    def __init__(self, kubeconfig: Path | None) -> None:
        """From a file, else as the account of the pod that this runs in.

        Raises:
            HauberkError: neither says how.

        """
        try:
            import kubernetes.client
            import kubernetes.config
            import msgspec  # noqa: F401  # pyright: ignore[reportUnusedImport]  what answers are read with
        except ImportError:
            raise HauberkError(
                "what speaks to an API server is not installed: pip install 'hauberk[enforcer]'"
            ) from None
        client: Any = kubernetes.client
        config: Any = kubernetes.config
        settings = client.Configuration()
        try:
            if kubeconfig is None:
                config.load_incluster_config(settings)
            else:
                config.load_kube_config(str(kubeconfig), None, settings, persist_config=False)
        except (config.ConfigException, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            said = " ".join(str(error).split())[:300].rstrip(". ")
            raise HauberkError(f"no API server to ask: {said}: give --kubeconfig, or run it in a pod") from None
        settings.retries = False
        # watches of all kinds keep one connection each
        settings.connection_pool_maxsize = 16
        self._client: Any = client.ApiClient(settings)

    def get(self, path: str, query: Query | None = None) -> dict[str, Any]:
        """Raises ApiError, UnreachableError."""
        return self._document(path, self._call("GET", path, query or {}))

    def send(
        self, method: str, path: str, body: Mapping[str, Any], query: Query | None = None, *, kind: str = "json"
    ) -> dict[str, Any]:
        """Writes an object; `kind` is `json`, `merge-patch+json` or `apply-patch+yaml`. Raises as `get`."""
        return self._document(path, self._call(method, path, query or {}, body, f"application/{kind}"))

    def delete(self, path: str) -> None:
        """An object that is not there is deleted. Raises as `get`."""
        with suppress(_AbsentError):
            self._document(path, self._call("DELETE", path, {}))

    def lines(self, path: str, query: Query, silence: float) -> Iterator[bytes]:
        """A stream of lines, until the server ends it. Raises as `get`; also after `silence` seconds without any."""
        from urllib3.exceptions import HTTPError

        answer = self._call("GET", path, query, silence=silence, stream=True)
        try:
            if answer.status != 200:
                raise _refusal(path, answer.status, answer.read())
            rest = b""
            for part in answer.stream(65536, decode_content=True):
                *whole, rest = (rest + part).split(b"\n")
                if len(rest) > _MOST_LINE:
                    raise UnreachableError(f"{path}: a line of over {_MOST_LINE >> 20} MiB")
                yield from whole
        except (HTTPError, OSError) as error:
            raise UnreachableError(f"{path}: {_short(error)}") from None
        finally:
            answer.close()
            answer.release_conn()

    def _call(
        self,
        method: str,
        path: str,
        query: Query,
        body: Mapping[str, Any] | None = None,
        content: str = "",
        *,
        silence: float = _READ,
        stream: bool = False,
    ) -> Any:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        client = self._client
        headers = {"Accept": "application/json"} | ({"Content-Type": content} if content else {})
        try:
            _, url, headers, _, _ = client.param_serialize(
                method,
                path,
                query_params=list(query.items()),
                header_params=headers,
                auth_settings=["BearerToken"],
            )
            return client.rest_client.pool_manager.request(
                method,
                url,
                headers=headers,
                body=None if body is None else json.dumps(body).encode(),
                timeout=_timeout(silence),
                preload_content=not stream,
                retries=False,
            )
        except (HTTPError, ApiException, OSError) as error:
            raise UnreachableError(f"{path}: {_short(error)}") from None

    def _document(self, path: str, answer: Any) -> dict[str, Any]:
        data: bytes = answer.data
        if not 200 <= answer.status < 300:
            raise _refusal(path, answer.status, data)
        try:
            found: Any = decoded(data)
        except ValueError:
            found = None
        if not is_mapping(found):
            raise UnreachableError(f"{path}: what answers is no API server")
        return dict(found)


class _AbsentError(ApiError):
    pass


def _timeout(silence: float) -> Any:
    from urllib3 import Timeout

    return Timeout(connect=_CONNECT, read=silence)


def _refusal(path: str, status: int, data: bytes) -> ApiError:
    said: Mapping[str, Any] = {}
    with suppress(ValueError):
        said = mapping(decoded(data))
    kind = _AbsentError if status == 404 else ApiError
    message = said.get("message") or data[:200].decode(errors="replace")
    return kind(path, status, str(said.get("reason") or ""), " ".join(str(message).split()))


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def in_a_pod() -> bool:
    """Whether this runs in a cluster, as an account of it."""
    return "KUBERNETES_SERVICE_HOST" in os.environ
