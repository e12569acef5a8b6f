"""A running OPA server, through opa-python-client: for those who already operate one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hauberk.cli.engine import Failure, Violation
from hauberk.policy.problems import HauberkError

_PREFIX = "hauberk-"


_PORTS = {"http": 80, "https": 443}


class ServerEngine:
    """Puts the rules on the server, and nothing else under their names; then asks one question for each document."""

    def __init__(self, url: str, folder: Path) -> None:
        try:
            from opa_client.opa import OpaClient  # pyright: ignore[reportMissingTypeStubs]  # a third of a second, and an extra
        except ImportError:
            raise HauberkError('--engine server needs the extra: pip install "hauberk[opa]"') from None
        scheme, host, port = _server(url)
        self._client: Any = OpaClient(host=host, port=port, ssl=scheme == "https")
        sources = {_name(source, folder): source for source in folder.rglob("*.rego") if _is_rule(source)}
        try:
            self._client.check_connection()
            for old in self._client.get_policies_list():
                if old.startswith(_PREFIX) and old not in sources:
                    self._remove(old)
            for name, source in sorted(sources.items()):
                self._client.update_policy_from_string(source.read_text(), name, rego_compat=False)
        except Exception as error:  # noqa: BLE001  # the client raises what requests raises, and its own
            raise HauberkError(f"the OPA server at {host}:{port} cannot be used: {error}") from None

    def _remove(self, old: str) -> None:
        """Takes away a rule that an older version put there, and that would be asked as if it were of this one."""
        try:
            self._client.delete_policy(old)
        except Exception:  # another process of this run was faster, or it is a failure
            if old in self._client.get_policies_list():
                raise

    def evaluate(self, documents: Iterable[bytes]) -> Iterator[list[Violation] | Failure]:
        for document in documents:
            try:
                answer = self._client.query_rule(
                    input_data=json.loads(document), package_path="hauberk", rule_name="violations"
                )
                yield answer["result"]
            except Exception as error:  # noqa: BLE001  # as above; an answer that did not come is never "clean"
                yield Failure(f"the OPA server gave no answer: {error}")


def _server(url: str) -> tuple[str, str, int]:
    """Scheme, host and port; HauberkError for what the client would leave out in silence."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise HauberkError("--opa-url is not the URL of a server, such as http://127.0.0.1:8181")
    if "@" in parts.netloc:
        raise HauberkError(f"--opa-url with a user or password is not supported: give {parts.scheme}://HOST:PORT")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise HauberkError(f"--opa-url with a path is not supported: give {parts.scheme}://HOST:PORT of OPA itself")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return parts.scheme, host, _PORTS[parts.scheme] if port is None else port


def _name(source: Path, folder: Path) -> str:
    return _PREFIX + "-".join(source.relative_to(folder).with_suffix("").parts)


def _is_rule(source: Path) -> bool:
    return not source.name.endswith("_test.rego")
