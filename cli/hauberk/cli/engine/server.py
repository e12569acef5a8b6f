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


class ServerEngine:
    """Uploads the rules once, then asks one question for each document."""

    def __init__(self, url: str, folder: Path) -> None:
        try:
            from opa_client.opa import OpaClient  # pyright: ignore[reportMissingTypeStubs]  # a third of a second, and an extra
        except ImportError:
            raise HauberkError('--engine server needs the extra: pip install "hauberk[opa]"') from None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise HauberkError(f"--opa-url {url!r} is not a URL of a server, such as http://127.0.0.1:8181")
        self._client: Any = OpaClient(host=parts.hostname, port=parts.port or 8181, ssl=parts.scheme == "https")
        try:
            self._client.check_connection()
            for source in sorted(folder.rglob("*.rego")):
                if not source.name.endswith("_test.rego"):
                    name = _PREFIX + "-".join(source.relative_to(folder).with_suffix("").parts)
                    self._client.update_policy_from_string(source.read_text(), name, rego_compat=False)
        except Exception as error:  # noqa: BLE001  # the client raises what requests raises, and its own
            raise HauberkError(f"the OPA server at {url} cannot be used: {error}") from None

    def evaluate(self, documents: Iterable[bytes]) -> Iterator[list[Violation] | Failure]:
        for document in documents:
            try:
                answer = self._client.query_rule(
                    input_data=json.loads(document), package_path="hauberk", rule_name="violations"
                )
                yield answer["result"]
            except Exception as error:  # noqa: BLE001  # as above; an answer that did not come is never "clean"
                yield Failure(f"the OPA server gave no answer: {error}")
