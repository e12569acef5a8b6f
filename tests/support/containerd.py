"""containerd in a guest, and what a kubelet has it do."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import ROOT
from support.control import Lines
from support.guest import Guest
from support.kernels import tools
from support.nodedaemon import HOOK
from support.programs import INSIDE, compiled
from support.qemu import make_ext4

AT = "/mnt/ext4"
SOCKET = "/run/containerd/containerd.sock"
HOOKED = "hooked"
"""The runtime handler whose containers have the enforcer's hook."""
SHELL = "docker.io/library/busybox:test"
_NODE = 2
"""NamespaceMode.NODE: the node's own."""
_OWN = 1
_CONFIG = f"""
version = 2
root = "{AT}/containerd"
state = "/run/containerd"
[grpc]
address = "{SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{SHELL}"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.{HOOKED}]
runtime_type = "io.containerd.runc.v2"
base_runtime_spec = "{AT}/base.json"
"""


def disk(folder: Path, images: Mapping[str, Path]) -> Path:
    """An image of a file system with the programs of the runtime, its settings, and images as archives."""
    with tempfile.TemporaryDirectory(dir=folder) as made:
        root = Path(made)
        (root / "bin").mkdir()
        for program in sorted((tools() / "runtime").iterdir()):
            _copied(program, root / "bin")
        (root / "config.toml").write_text(_CONFIG)
        (root / "images").mkdir()
        for name, archive in images.items():
            _copied(archive, root / "images", name)
        make_ext4(folder / "disk", "1500M", root)
    return folder / "disk"


def _copied(path: Path, folder: Path, name: str = "") -> None:
    target = folder / (name or path.name)
    target.write_bytes(path.read_bytes())
    target.chmod(0o755)


def shell_image(folder: Path) -> Path:
    """busybox, `/bin/tool` that ends well, and a file /secret; it sleeps, as the image of a sandbox does."""
    root = folder / "shell"
    (root / "bin").mkdir(parents=True)
    _copied(tools() / "runtime/busybox", root / "bin")
    for name in ("cat", "ls", "sh", "sleep"):
        (root / "bin" / name).symlink_to("busybox")
    (root / "bin/tool").write_bytes(compiled("true.S"))
    (root / "bin/tool").chmod(0o755)
    (root / "secret").write_text("told\n")
    for name in ("proc", "sys", "dev", "tmp"):
        (root / name).mkdir()
    out = folder / "shell.tar"
    pack = [sys.executable, str(ROOT / "deploy/image/pack.py"), str(root), str(out), SHELL, "/bin/sleep", "1000000"]
    subprocess.run(pack, check=True, capture_output=True)
    return out


@dataclass(frozen=True, slots=True)
class Pod:
    """A sandbox with one container, as the CRI has it."""

    runtime: Containerd
    container: str
    log_at: str

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return self.runtime.guest.get(self.log_at).decode(errors="replace")

    def exec(self, *command: str) -> tuple[int, str]:
        """Exit code and complaint of a command in it; a command that is not started has 126 or its error."""
        answer = self.runtime.ask("ExecSync", container_id=self.container, cmd=command, timeout=60, may_fail=True)
        if "error" in answer:
            return 126, str(answer["error"])
        return int(answer.get("exit_code", 0)), str(answer.get("stderr", ""))


class Containerd:
    """At work in a guest, with the images of its disk."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        # copied into each sandbox
        guest.put("/etc/resolv.conf", b"")
        ctr = f"{AT}/bin/ctr"
        base = json.loads(guest.run([ctr, "oci", "spec"]).checked())
        base["hooks"] = {"createRuntime": [{"path": HOOK[0], "args": list(HOOK)}]}
        guest.put(f"{AT}/base.json", json.dumps(base).encode())
        self.start()
        there = ["--address", SOCKET, "--namespace", "k8s.io"]
        for name in guest.run(["ls", f"{AT}/images"]).checked().split():
            guest.run([ctr, *there, "images", "import", f"{AT}/images/{name}"], timeout=600).checked()
        guest.put("/t/cri.py", (INSIDE / "cri.py").read_bytes())
        self._lines = Lines(guest, ["python3", "/t/cri.py", SOCKET])

    def start(self) -> None:
        path = {"PATH": f"{AT}/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        self.process = self.guest.start([f"{AT}/bin/containerd", "--config", f"{AT}/config.toml"], env=path)
        # the file of a socket stays when who listened is killed
        listens = f"from socket import *; socket(AF_UNIX).connect('{SOCKET}')"
        wait = f'for n in $(seq 100); do python3 -c "{listens}" 2>/dev/null && exit; sleep 1; done; exit 1'
        assert self.guest.run(["bash", "-c", wait], timeout=300).returncode == 0, self.process.stderr.decode()[-3000:]

    def kill(self) -> None:
        """Without its containers, which their shims keep."""
        self.process.kill()
        self.process.wait()

    def ask(self, method: str, *, may_fail: bool = False, **fields: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._lines.asked(json.dumps([method, fields]))
        assert may_fail or "error" not in answer, f"{method}: {answer}\n{self.process.stderr.decode()[-3000:]}"
        return answer

    def run(
        self,
        name: str,
        namespace: str,
        labels: Mapping[str, str],
        container: Mapping[str, Any],
        *,
        pids_of_node: bool = False,
        handler: str = "",
    ) -> Pod:
        """Has a pod with one container run, in the node's network."""
        kubelets = {"io.kubernetes.pod.name": name, "io.kubernetes.pod.namespace": namespace}
        options = {"network": _NODE, "pid": _NODE if pids_of_node else _OWN}
        config: dict[str, Any] = {
            "metadata": {"name": name, "uid": name, "namespace": namespace},
            "labels": {**labels, **kubelets},
            "linux": {
                "cgroup_parent": f"/kubepods/pod{name}",
                "security_context": {"namespace_options": options},
            },
        }
        logs = f"/var/log/pods/{name}"
        self.guest.run(["mkdir", "-p", logs]).checked()
        config["log_directory"] = logs
        sandbox = self.ask("RunPodSandbox", config=config, runtime_handler=handler)["pod_sandbox_id"]
        given = {
            **container,
            "log_path": "log",
            "labels": {**kubelets, "io.kubernetes.container.name": container["metadata"]["name"]},
        }
        given.setdefault("linux", {}).setdefault("security_context", {})["namespace_options"] = options
        made = self.ask("CreateContainer", pod_sandbox_id=sandbox, config=given, sandbox_config=config)
        self.ask("StartContainer", container_id=made["container_id"])
        return Pod(self, made["container_id"], f"{logs}/log")
