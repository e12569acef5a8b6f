"""What a kubelet asks of a container runtime: lines {"method", "request"} in, an answer or {"error"} out for each."""

from __future__ import annotations

import json
import sys
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict, ParseDict

from hauberk.enforcer.cri.messages import PACKAGE, classes_of

# by the numbers of the CRI's api.proto
CLASSES = classes_of(
    {
        "NamespaceOption": {"network": (1, "int64"), "pid": (2, "int64"), "ipc": (3, "int64")},
        "SecurityProfile": {"profile_type": (1, "int64")},
        "LinuxSandboxSecurityContext": {"namespace_options": (1, "NamespaceOption")},
        "LinuxPodSandboxConfig": {
            "cgroup_parent": (1, "string"),
            "security_context": (2, "LinuxSandboxSecurityContext"),
        },
        "PodSandboxMetadata": {"name": (1, "string"), "uid": (2, "string"), "namespace": (3, "string")},
        "PodSandboxConfig": {
            "metadata": (1, "PodSandboxMetadata"),
            "hostname": (2, "string"),
            "log_directory": (3, "string"),
            "labels": (6, "map"),
            "linux": (8, "LinuxPodSandboxConfig"),
        },
        "RunPodSandboxRequest": {"config": (1, "PodSandboxConfig"), "runtime_handler": (2, "string")},
        "RunPodSandboxResponse": {"pod_sandbox_id": (1, "string")},
        "ContainerMetadata": {"name": (1, "string")},
        "ImageSpec": {"image": (1, "string")},
        "KeyValue": {"key": (1, "string"), "value": (2, "string")},
        "Mount": {"container_path": (1, "string"), "host_path": (2, "string"), "readonly": (3, "bool")},
        "Capability": {"add_capabilities": (1, "[]string"), "drop_capabilities": (2, "[]string")},
        "LinuxContainerSecurityContext": {
            "capabilities": (1, "Capability"),
            "namespace_options": (3, "NamespaceOption"),
            "readonly_rootfs": (7, "bool"),
            "no_new_privs": (11, "bool"),
            "apparmor": (16, "SecurityProfile"),
        },
        "LinuxContainerConfig": {"security_context": (2, "LinuxContainerSecurityContext")},
        "ContainerConfig": {
            "metadata": (1, "ContainerMetadata"),
            "image": (2, "ImageSpec"),
            "command": (3, "[]string"),
            "args": (4, "[]string"),
            "envs": (6, "[]KeyValue"),
            "mounts": (7, "[]Mount"),
            "log_path": (11, "string"),
            "linux": (15, "LinuxContainerConfig"),
        },
        "CreateContainerRequest": {
            "pod_sandbox_id": (1, "string"),
            "config": (2, "ContainerConfig"),
            "sandbox_config": (3, "PodSandboxConfig"),
        },
        "CreateContainerResponse": {"container_id": (1, "string")},
        "StartContainerRequest": {"container_id": (1, "string")},
        "StartContainerResponse": {},
        "StopPodSandboxRequest": {"pod_sandbox_id": (1, "string")},
        "StopPodSandboxResponse": {},
        "RemovePodSandboxRequest": {"pod_sandbox_id": (1, "string")},
        "RemovePodSandboxResponse": {},
        "ContainerStatus": {"state": (3, "int64"), "exit_code": (7, "int64"), "message": (11, "string")},
        "ContainerStatusRequest": {"container_id": (1, "string")},
        "ContainerStatusResponse": {"status": (1, "ContainerStatus")},
        "VersionRequest": {},
        "VersionResponse": {"runtime_name": (2, "string"), "runtime_version": (3, "string")},
    }
)


def main(socket: str) -> None:
    channel = grpc.insecure_channel(f"unix:{socket}", options=[("grpc.default_authority", "localhost")])
    print("ready", flush=True)
    for line in sys.stdin:
        asked: dict[str, Any] = json.loads(line)
        method = asked["method"]
        call: Any = channel.unary_unary(
            f"/{PACKAGE}.RuntimeService/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=CLASSES[f"{method}Response"].FromString,
        )
        try:
            answer = call(ParseDict(asked["request"], CLASSES[f"{method}Request"]()), timeout=300, wait_for_ready=True)
        except grpc.RpcError as error:
            found = {"error": f"{error.code().name}: {error.details()}"}
        else:
            found = MessageToDict(answer, preserving_proto_field_name=True)
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
