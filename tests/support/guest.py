"""A guest: a Debian kernel in QEMU, without KVM, that runs commands for tests."""

from __future__ import annotations

import base64
import itertools
import json
import queue
import shutil
import socket
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp
from types import TracebackType
from typing import Any, NoReturn, Self

from support import ROOT
from support.kernels import Kernel, tools
from support.newc import Archive

_INSIDE = ROOT / "tests/guest/inside"
_MODULES = ("overlay", "virtio_pci", "virtio_blk", "virtio_console", "loop")
_COMMAND_LINE = "console=ttyS0 loglevel=3 panic=-1 oops=panic edd=off lsm=landlock,lockdown,yama,bpf mitigations=off"
_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")
_READY = 180.0
# Beyond the time that a request may take: a machine with much else to do is slow.
_GRACE = 60.0
_TAIL = 60

Payload = Mapping[str, Path | bytes]


class GuestDied(Exception):  # noqa: N818  what happened, not whose error
    """The guest crashed, panicked or hangs; with the end of its console."""


class CommandTimedOut(TimeoutError):  # noqa: N818  what happened, not whose error
    """The command was killed; with the output that it made."""

    def __init__(self, argv: Sequence[str], seconds: float, stdout: bytes, stderr: bytes) -> None:
        super().__init__(f"not within {seconds} s: {' '.join(argv)}\n{stderr.decode(errors='replace')}")
        self.stdout, self.stderr = stdout, stderr


@dataclass(frozen=True, slots=True)
class Finished:
    returncode: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        return self.stdout.decode()

    def checked(self) -> str:
        """Its output; raises AssertionError with its complaint if it failed."""
        assert self.returncode == 0, f"exit code {self.returncode}: {(self.stderr or self.stdout).decode()}"
        return self.text


class Guest:
    """Use `boot` in a with statement."""

    def __init__(
        self, kernel: str, folder: Path, command: Sequence[str], channel: socket.socket, theirs: socket.socket
    ) -> None:
        self.kernel = kernel
        self._folder = folder
        self._channel = channel
        self._lock = threading.Lock()
        self._count = itertools.count(1)
        self._waiting: dict[int, queue.SimpleQueue[dict[str, Any] | None]] = {0: queue.SimpleQueue()}
        self._dead = False
        with theirs, (folder / "qemu.log").open("wb") as log:
            self._qemu = subprocess.Popen(
                [*_WITH_US, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
            )
        threading.Thread(target=self._read, daemon=True).start()

    @classmethod
    def boot(
        cls,
        kernel: str,
        payload: Payload | None = None,
        *,
        icount: bool = False,
        memory: int = 1024,
        disk: Path | None = None,
    ) -> Guest:
        """A guest that answers, with this payload: what there is at which path.

        With `icount`, an instruction takes a nanosecond of the guest's time. `disk` is an image of an ext4 file system
        for /mnt/ext4, which is left as it is.
        """
        found = Kernel.named(kernel)
        folder = Path(mkdtemp(prefix="hauberk-guest-"))
        ours, theirs = socket.socketpair()
        try:
            _pack(folder / "initrd", found, payload or {})
            if disk is None:
                disk = folder / "disk"
                make_ext4(disk)
            command = _command(folder, found, disk, memory, theirs.fileno())
            if icount:
                command += ["-icount", "shift=0"]
            guest = cls(kernel, folder, command, ours, theirs)
        except BaseException:
            shutil.rmtree(folder)
            raise
        try:
            guest._answer(0, _READY)
        except BaseException:
            guest.close()
            raise
        (folder / "initrd").unlink()
        return guest

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._qemu.kill()
        self._qemu.wait()
        self._channel.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def alive(self) -> bool:
        return not self._dead and self._qemu.poll() is None

    @property
    def console(self) -> str:
        """What the kernel and init wrote so far."""
        said = [self._folder / name for name in ("qemu.log", "console")]
        return "".join(path.read_text(errors="replace").replace("\r", "") for path in said if path.exists())

    def run(
        self,
        argv: Sequence[str],
        input: bytes = b"",  # noqa: A002  as subprocess calls it
        timeout: float = 60,
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
        user: int = 0,
    ) -> Finished:
        """Runs a command to its end; raises CommandTimedOut, and OSError if it cannot be started."""
        where = {"env": dict(env or {}), "cwd": cwd, "user": user}
        got = self._ask("run", timeout, argv=list(argv), given=_encoded(input), seconds=timeout, **where)
        stdout, stderr = (base64.b64decode(got[name]) for name in ("stdout", "stderr"))
        if got["returncode"] is None:
            raise CommandTimedOut(argv, timeout, stdout, stderr)
        return Finished(got["returncode"], stdout, stderr)

    def put(self, path: str, data: bytes, mode: int = 0o644) -> None:
        self._ask("put", 0, path=path, data=_encoded(data), mode=mode)

    def get(self, path: str) -> bytes:
        return base64.b64decode(self._ask("get", 0, path=path)["data"])

    def _ask(self, what: str, within: float, **details: Any) -> Any:
        number = next(self._count)
        self._waiting[number] = queue.SimpleQueue()
        line = json.dumps({"id": number, "do": what, "with": details}).encode() + b"\n"
        with self._lock:
            try:
                self._channel.sendall(line)
            except OSError:
                self._died("is gone")
        answer = self._answer(number, within + _GRACE)
        if "failed" in answer:
            failed = answer["failed"]
            if failed["errno"]:
                raise OSError(failed["errno"], failed["text"], failed["path"])
            raise RuntimeError(failed["text"])
        return answer["got"]

    def _answer(self, number: int, seconds: float) -> dict[str, Any]:
        try:
            answer = None if self._dead else self._waiting[number].get(timeout=seconds)
        except queue.Empty:
            self._qemu.kill()
            self._died(f"does not answer within {seconds:.0f} s")
        del self._waiting[number]
        if answer is None:
            self._died("ended")
        return answer

    def _died(self, how: str) -> NoReturn:
        raise GuestDied(f"the guest {how}; its console ends:\n" + "\n".join(self.console.splitlines()[-_TAIL:]))

    def _read(self) -> None:
        with self._channel.makefile("rb") as lines:
            for line in lines:
                answer = json.loads(line)
                self._waiting[answer["id"]].put(answer)
        self._dead = True
        for waiting in list(self._waiting.values()):
            waiting.put(None)


def make_ext4(image: Path, size: str = "256M", root: Path | None = None) -> None:
    """An image of an ext4 file system, with what is in the folder `root`."""
    content = ["-d", str(root)] if root else []
    command = ["mke2fs", "-q", "-F", "-t", "ext4", *content, str(image), size]
    subprocess.run(command, check=True, capture_output=True)


def _pack(target: Path, kernel: Kernel, payload: Payload) -> None:
    """The base and, in a second archive, modules, payload and what runs first."""
    with target.open("wb") as file:
        with (tools() / "base.cpio").open("rb") as source:
            shutil.copyfileobj(source, file, 1 << 22)
        archive = Archive(file)
        archive.tree(_INSIDE / "agent.py", PurePosixPath("hauberk/agent.py"))
        init = b"#!/usr/bin/python3 -I\n" + (_INSIDE / "init.py").read_bytes()
        archive.file(PurePosixPath("init"), init, 0o755)
        modules = kernel.modules(*_MODULES)
        for name, data in modules.items():
            archive.file(PurePosixPath("hauberk/modules", name), data)
        archive.file(PurePosixPath("hauberk/modules/order"), "\n".join(modules).encode())
        for path, content in payload.items():
            at = PurePosixPath(path).relative_to("/")
            if isinstance(content, bytes):
                archive.file(at, content, 0o755 if content.startswith((b"#!", b"\x7fELF")) else 0o644)
            else:
                archive.tree(content, at)
        archive.end()


def _command(folder: Path, kernel: Kernel, disk: Path, memory: int, channel: int) -> list[str]:
    drive = f"file={disk},format=raw,if=none,id=disk,snapshot=on"
    return [
        "qemu-system-x86_64",
        *("-machine", "q35,accel=tcg", "-cpu", kernel.processor, "-smp", "1", "-m", str(memory)),
        *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-nic", "none"),
        *("-kernel", str(kernel.image), "-initrd", str(folder / "initrd"), "-append", _COMMAND_LINE),
        *("-serial", f"file:{folder / 'console'}"),
        *("-device", "virtio-serial-pci", "-chardev", f"socket,id=agent,fd={channel}"),
        *("-device", "virtserialport,chardev=agent,nr=1"),
        *("-drive", drive, "-device", "virtio-blk-pci,drive=disk"),
    ]


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
