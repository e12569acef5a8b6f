"""containerd in a guest, and the part of a kubelet that makes pods run on it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import ROOT, missing
from support.commands import Background, Finished
from support.guest import Guest
from support.payload import packages
from support.qemu import make_ext4

SOCKET = "/run/containerd/containerd.sock"
_AT, _DISK = "/opt/containerd", "/mnt/ext4"
_PAUSE = "docker.io/library/pause:1"
_PAUSE_SOURCE = "#include <unistd.h>\nint main(void) { for (;;) pause(); }\n"
_CONFIG = f"""
version = 3
root = "{_DISK}/containerd"
[grpc]
  address = "{SOCKET}"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "{_PAUSE}"
[plugins."io.containerd.cri.v1.runtime"]
  disable_apparmor = true
[plugins."io.containerd.cri.v1.runtime".containerd]
  default_runtime_name = "plain"
"""
_RUNTIME = """
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.{name}]
  runtime_type = "io.containerd.runc.v2"
  base_runtime_spec = "/etc/containerd/{name}.json"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.{name}.options]
    BinaryName = "/usr/bin/crun"
"""
HOST, POD = 2, 0
"""Namespaces of the node and of the pod (CRI, NamespaceMode)."""


def binaries() -> Path:
    """What `make guest-tools` built of containerd."""
    folder = Path(os.environ.get("HAUBERK_CONTAINERD", "") or "-")
    if not folder.is_dir():
        missing("HAUBERK_CONTAINERD names no folder: run `make test`, or `make guest-tools` and set it")
    return folder


def enforcer_image(folder: Path) -> tuple[Path, str]:
    """The image as its recipe makes it of this checkout, and its name."""
    if shutil.which("mmdebstrap") is None:
        missing("the image is made by mmdebstrap: apt-get install mmdebstrap")
    out = folder / "enforcer.tar"
    done = subprocess.run([ROOT / "deploy/image/build.sh", out], check=True, capture_output=True, text=True)
    return out, done.stdout.splitlines()[-1].split()[1].rstrip(",")


def pause_image(folder: Path) -> Path:
    """One that does nothing, which holds the namespaces of a pod."""
    program, out = folder / "pause", folder / "pause.tar"
    compiler = ["gcc", "-static", "-Os", "-s", "-x", "c", "-", "-o", str(program)]
    subprocess.run(compiler, input=_PAUSE_SOURCE, check=True, capture_output=True, text=True)
    root = folder / "pause-root"
    root.mkdir()
    shutil.copy(program, root / "pause")
    subprocess.run(
        ["python3", ROOT / "deploy/image/pack.py", root, out, _PAUSE, "/pause"],
        check=True,
        capture_output=True,
        text=True,
    )
    return out


@dataclass(frozen=True, slots=True)
class Pod:
    """A sandbox and its one container."""

    kubelet: Kubelet
    sandbox: str
    id: str
    log: str

    def exec(self, *argv: str) -> Finished:
        return self.kubelet.guest.run(["crun", "--root", "/run/containerd/runc/k8s.io", "exec", self.id, *argv])

    def status(self) -> dict[str, Any]:
        """State (1 runs, 2 has ended), exit code."""
        return dict(self.kubelet.ask("ContainerStatus", container_id=self.id)["status"])

    def said(self) -> str:
        """What it wrote: each line after the time and the stream's name."""
        lines = self.kubelet.guest.get(self.log).decode().splitlines()
        return "\n".join(line.split(" ", 3)[-1] for line in lines)


class Kubelet:
    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        guest.put("/t/kubelet.py", (ROOT / "tests/guest/inside/kubelet.py").read_bytes())
        self._process: Background = guest.start(["python3", "/t/kubelet.py", SOCKET], input=None)
        self._seen = len(self._process.until(b"ready\n", 300))
        self._number = 0

    def ask(self, method: str, **request: Any) -> dict[str, Any]:
        self._process.send(json.dumps({"method": method, "request": request}).encode() + b"\n")
        line = self._process.line(self._seen, 400)
        self._seen += len(line)
        answer: dict[str, Any] = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer

    @contextmanager
    def running(
        self,
        name: str,
        image: str,
        command: Sequence[str],
        *,
        labels: Mapping[str, str] | None = None,
        namespace: str = "web",
        runtime: str = "plain",
        **more: Any,
    ) -> Iterator[Pod]:
        """`more` are fields of the CRI's ContainerConfig; its `namespace_options` are the pod's, too."""
        self._number += 1
        options = more.get("linux", {}).get("security_context", {}).get("namespace_options", {"network": HOST})
        own = {"io.kubernetes.pod.name": name, "io.kubernetes.pod.namespace": namespace}
        sandbox = {
            "metadata": {"name": name, "uid": f"{name}-{self._number}", "namespace": namespace},
            "log_directory": f"/var/log/pods/{name}-{self._number}",
            "labels": {**(labels or {}), **own},
            "linux": {"cgroup_parent": "/kubepods", "security_context": {"namespace_options": options}},
        }
        config: dict[str, Any] = {"metadata": {"name": "main"}, "image": {"image": image}, "command": list(command)}
        config |= {"log_path": "main.log", "linux": {"security_context": {"namespace_options": options}}, **more}
        pod = self.ask("RunPodSandbox", config=sandbox, runtime_handler=runtime)["pod_sandbox_id"]
        try:
            made = self.ask("CreateContainer", pod_sandbox_id=pod, config=config, sandbox_config=sandbox)
            self.ask("StartContainer", container_id=made["container_id"])
            yield Pod(self, pod, made["container_id"], f"{sandbox['log_directory']}/main.log")
        finally:
            self.ask("StopPodSandbox", pod_sandbox_id=pod)
            self.ask("RemovePodSandbox", pod_sandbox_id=pod)


@contextmanager
def containerd(kernel: str, folder: Path, archives: Sequence[Path], hook: Sequence[str]) -> Iterator[Kubelet]:
    """A guest whose containerd has these images; the runtime called `hooked` calls `hook` (createRuntime)."""
    content = folder / "content"
    content.mkdir()
    for archive in archives:
        shutil.copy(archive, content / archive.name)
    disk = folder / "disk"
    make_ext4(disk, "1G", content)
    payload = {f"{_AT}/{name}": binaries() / name for name in ("containerd", "containerd-shim-runc-v2", "ctr")}
    with Guest.boot(kernel, {**packages("grpcio", "protobuf"), **payload}, memory=2048, disk=disk) as guest:
        environment = {"PATH": f"{_AT}:/usr/sbin:/usr/bin:/sbin:/bin"}
        plain = json.loads(guest.run([f"{_AT}/ctr", "oci", "spec"], env=environment).checked())
        hooked = {**plain, "hooks": {"createRuntime": [{"path": hook[0], "args": list(hook)}]}}
        for name, spec in (("plain", plain), ("hooked", hooked)):
            guest.put(f"/etc/containerd/{name}.json", json.dumps(spec).encode())
        config = _CONFIG + "".join(_RUNTIME.format(name=name) for name in ("plain", "hooked"))
        guest.put("/etc/resolv.conf", b"")
        guest.put("/etc/containerd/config.toml", config.encode())
        daemon = guest.start(["containerd", "--config", "/etc/containerd/config.toml"], env=environment)
        kubelet = Kubelet(guest)
        assert kubelet.ask("Version")["runtime_name"] == "containerd", daemon.stderr.decode()
        for archive in archives:
            line = ["ctr", "--namespace", "k8s.io", "images", "import", f"{_DISK}/{archive.name}"]
            guest.run(line, env=environment, timeout=600).checked()
        yield kubelet
