"""Runs in a guest: does what a kubelet has containerd do. One JSON line `[method, response, fields]` in, one out.

usage: python3 cri.py SOCKET
"""

from __future__ import annotations

import json
import sys
from typing import Any

import grpc

from hauberk.enforcer.cri.messages import PACKAGE, classes_of

_TEXT, _NUMBER, _FLAG, _MAP, _TEXTS = "string", "int64", "bool", "map", "[]string"
# with the numbers of api.proto (k8s.io/cri-api, v1); bytes are read as text, narrower numbers as they are
MESSAGES = classes_of(
    {
        "PodSandboxMetadata": {"name": (1, _TEXT), "uid": (2, _TEXT), "namespace": (3, _TEXT)},
        "NamespaceOption": {"network": (1, _NUMBER), "pid": (2, _NUMBER), "ipc": (3, _NUMBER)},
        "LinuxSandboxSecurityContext": {"namespace_options": (1, "NamespaceOption")},
        "LinuxPodSandboxConfig": {
            "cgroup_parent": (1, _TEXT),
            "security_context": (2, "LinuxSandboxSecurityContext"),
        },
        "PodSandboxConfig": {
            "metadata": (1, "PodSandboxMetadata"),
            "log_directory": (3, _TEXT),
            "labels": (6, _MAP),
            "linux": (8, "LinuxPodSandboxConfig"),
        },
        "RunPodSandboxRequest": {"config": (1, "PodSandboxConfig"), "runtime_handler": (2, _TEXT)},
        "RunPodSandboxResponse": {"pod_sandbox_id": (1, _TEXT)},
        "ContainerMetadata": {"name": (1, _TEXT)},
        "ImageSpec": {"image": (1, _TEXT)},
        "KeyValue": {"key": (1, _TEXT), "value": (2, _TEXT)},
        "Mount": {"container_path": (1, _TEXT), "host_path": (2, _TEXT), "readonly": (3, _FLAG)},
        "Capability": {"add_capabilities": (1, _TEXTS), "drop_capabilities": (2, _TEXTS)},
        "LinuxContainerSecurityContext": {
            "capabilities": (1, "Capability"),
            "privileged": (2, _FLAG),
            "namespace_options": (3, "NamespaceOption"),
            "readonly_rootfs": (7, _FLAG),
            "no_new_privs": (11, _FLAG),
        },
        "LinuxContainerConfig": {"security_context": (2, "LinuxContainerSecurityContext")},
        "ContainerConfig": {
            "metadata": (1, "ContainerMetadata"),
            "image": (2, "ImageSpec"),
            "command": (3, _TEXTS),
            "args": (4, _TEXTS),
            "envs": (6, "[]KeyValue"),
            "mounts": (7, "[]Mount"),
            "labels": (9, _MAP),
            "log_path": (11, _TEXT),
            "linux": (15, "LinuxContainerConfig"),
        },
        "CreateContainerRequest": {
            "pod_sandbox_id": (1, _TEXT),
            "config": (2, "ContainerConfig"),
            "sandbox_config": (3, "PodSandboxConfig"),
        },
        "CreateContainerResponse": {"container_id": (1, _TEXT)},
        "StartContainerRequest": {"container_id": (1, _TEXT)},
        "StartContainerResponse": {},
        "ExecSyncRequest": {"container_id": (1, _TEXT), "cmd": (2, _TEXTS), "timeout": (3, _NUMBER)},
        "ExecSyncResponse": {"stdout": (1, _TEXT), "stderr": (2, _TEXT), "exit_code": (3, _NUMBER)},
        "StopContainerRequest": {"container_id": (1, _TEXT), "timeout": (2, _NUMBER)},
        "StopContainerResponse": {},
    }
)


def asked(channel: Any, method: str, fields: dict[str, Any]) -> dict[str, Any]:
    call = channel.unary_unary(
        f"/{PACKAGE}.RuntimeService/{method}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=MESSAGES[f"{method}Response"].FromString,
    )
    try:
        answer = call(MESSAGES[f"{method}Request"](**fields), timeout=240, wait_for_ready=True)
    except grpc.RpcError as error:
        return {"error": f"{error.code().name}: {error.details()}"}
    return {one.name: value for one, value in answer.ListFields()}


def main() -> None:
    options = [("grpc.default_authority", "localhost")]
    channel = grpc.insecure_channel(f"unix:{sys.argv[1]}", options=options)
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        method, fields = json.loads(line)
        print(json.dumps(asked(channel, method, fields)), flush=True)


main()
