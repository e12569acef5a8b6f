"""A container runtime behind its socket: the only module that imports grpc."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hauberk.enforcer.cri.messages import MESSAGES, PACKAGE, RUNNING
from hauberk.policy.loose import mapping
from hauberk.policy.problems import HauberkError

_SECONDS = 10.0
_MOST_BYTES = 64 << 20
_OWN_LABELS = "io.kubernetes."
"""Labels of a sandbox that the kubelet adds to those of its pod."""


class RuntimeSaysNoError(HauberkError):
    """The runtime does not answer, or says no."""


@dataclass(frozen=True, slots=True)
class Running:
    """A container that runs, and the pod that it is of; `labels` are the pod's."""

    id: str
    name: str
    image: str
    namespace: str
    pod: str
    labels: tuple[tuple[str, str], ...] = field(default=())


class Runtime:
    """Its methods may be called from any thread."""

    def __init__(self, socket: str) -> None:
        """`socket` is the path of a unix socket, with or without `unix://`; it is connected to when it is asked.

        Raises:
            HauberkError: grpc is not installed.

        """
        try:
            import grpc
        except ImportError:
            raise HauberkError("--cri needs grpcio: pip install 'hauberk[enforcer]'") from None
        self._grpc: Any = grpc
        self.socket = socket.removeprefix("unix://")
        options = [("grpc.max_receive_message_length", _MOST_BYTES), ("grpc.default_authority", "localhost")]
        self._channel: Any = grpc.insecure_channel(f"unix:{self.socket}", options=options)

    def close(self) -> None:
        self._channel.close()

    def running(self) -> list[Running]:
        """All containers that run. Raises HauberkError."""
        wanted = MESSAGES["ContainerFilter"](state=MESSAGES["ContainerStateValue"](state=RUNNING))
        answer = self._ask("ListContainers", "ListContainersRequest", "ListContainersResponse", filter=wanted)
        # after the containers: the sandbox of each of them is there
        listed = self._ask("ListPodSandbox", "ListPodSandboxRequest", "ListPodSandboxResponse")
        pods = {one.id: one for one in listed.items}
        found: list[Running] = []
        for one in answer.containers:
            pod = pods.get(one.pod_sandbox_id)
            if pod is None:
                continue  # it has ended meanwhile
            labels = tuple(sorted((key, text) for key, text in pod.labels.items() if not key.startswith(_OWN_LABELS)))
            image = one.image.user_specified_image or one.image.image
            found.append(Running(one.id, one.metadata.name, image, pod.metadata.namespace, pod.metadata.name, labels))
        return found

    def pid(self, container: str) -> int:
        """Its first process as the node counts, 0 when it has none. Raises HauberkError."""
        answer = self._ask(
            "ContainerStatus", "ContainerStatusRequest", "ContainerStatusResponse", container_id=container, verbose=True
        )
        # no field has it: containerd and CRI-O tell it in the JSON that they give people
        try:
            found = mapping(json.loads(answer.info.get("info", "{}"))).get("pid")
        except ValueError:
            found = None
        return found if isinstance(found, int) and not isinstance(found, bool) else 0

    def events(self) -> Iterator[str]:
        """Ids of containers to which something happens, for as long as the runtime goes on. Raises HauberkError."""
        try:
            call = self._method("GetContainerEvents", "ContainerEventResponse", stream=True)
            for event in call(MESSAGES["GetEventsRequest"]()):
                yield event.container_id
        except self._grpc.RpcError as error:
            raise self._error(error) from None
        except ValueError:
            raise self._closed() from None

    def _ask(self, method: str, request: str, response: str, **fields: Any) -> Any:
        try:
            return self._method(method, response)(MESSAGES[request](**fields), timeout=_SECONDS)
        except self._grpc.RpcError as error:
            raise self._error(error) from None
        except ValueError:
            # grpc's word for a channel that was closed meanwhile
            raise self._closed() from None

    def _method(self, name: str, response: str, *, stream: bool = False) -> Any:
        kind = self._channel.unary_stream if stream else self._channel.unary_unary
        return kind(
            f"/{PACKAGE}.RuntimeService/{name}",
            request_serializer=_encoded,
            response_deserializer=MESSAGES[response].FromString,
        )

    def _closed(self) -> HauberkError:
        return RuntimeSaysNoError(f"{self.socket}: the connection was closed")

    def _error(self, error: Any) -> HauberkError:
        code, said = error.code(), " ".join(str(error.details()).split())[:300]
        return RuntimeSaysNoError(f"{self.socket}: the container runtime says {code.name}: {said}")


def _encoded(message: Any) -> bytes:
    data: bytes = message.SerializeToString()
    return data
