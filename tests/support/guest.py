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
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Any, NoReturn, Self

from support.commands import Background, CommandTimedOut, Finished, encoded
from support.kernels import Kernel
from support.qemu import Payload, command, make_ext4, pack

_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")
_READY = 300.0
_TAIL = 60


class GuestDied(Exception):  # noqa: N818  what happened, not whose error
    """The guest crashed, panicked or hangs; with the end of its console."""


class Guest:
    """Made by `boot`; ends with its with statement, and with the tests however they end."""

    def __init__(self, kernel: str, folder: Path, qemu: Sequence[str], ours: socket.socket, pass_fd: int) -> None:
        self.kernel = kernel
        # beyond the time that a request may take, until the guest hangs: a machine with much else to do is slow
        self.grace = 120.0
        self._folder = folder
        self._channel = ours
        self._sending = threading.Lock()
        self._count = itertools.count(1)
        self._waiting: dict[int, queue.SimpleQueue[dict[str, Any] | None]] = {0: queue.SimpleQueue()}
        self._ended = False
        with (folder / "qemu.log").open("wb") as log:
            self._qemu = subprocess.Popen(
                [*_WITH_US, *qemu], stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[pass_fd]
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
        network: bool = False,
        processors: int = 1,
    ) -> Guest:
        """A guest that answers. `payload` says what there is at which path of its root: a file, a folder or bytes.

        With `icount`, an instruction takes a nanosecond of the guest's time, and there is one processor. `disk` is an
        image of an ext4 file system for /mnt/ext4, which is left as it is. With `network`, 10.0.2.2 leads to where the
        tests run.
        """
        found = Kernel.named(kernel)
        folder = Path(mkdtemp(prefix="hauberk-guest-"))
        try:
            pack(folder / "initrd", found, payload or {})
            if disk is None:
                disk = folder / "disk"
                make_ext4(disk)
            ours, theirs = socket.socketpair()
            with theirs:
                channel = theirs.fileno()
                qemu = command(
                    folder,
                    found,
                    disk=disk,
                    memory=memory,
                    channel=channel,
                    icount=icount,
                    network=network,
                    processors=processors,
                )
                guest = cls(kernel, folder, qemu, ours, channel)
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
        return not self._ended and self._qemu.poll() is None

    @property
    def console(self) -> str:
        """What QEMU, the kernel and init wrote so far."""
        said = [self._folder / name for name in ("qemu.log", "console")]
        return "".join(path.read_text(errors="replace").replace("\r", "") for path in said if path.exists())

    def run(
        self,
        argv: Sequence[str],
        input: bytes = b"",  # noqa: A002  as subprocess calls it
        timeout: float = 120,
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
        user: int = 0,
    ) -> Finished:
        """Runs a command to its end, without what it leaves behind.

        Raises OSError if it cannot be started, as subprocess does; CommandTimedOut once it is killed.
        """
        where = {"env": dict(env or {}), "cwd": cwd, "user": user}
        got = self._ask("run", timeout, argv=list(argv), given=encoded(input), seconds=timeout, **where)
        stdout, stderr = (base64.b64decode(got[name]) for name in ("stdout", "stderr"))
        if got["returncode"] is None:
            raise CommandTimedOut(argv, timeout, stdout, stderr)
        return Finished(got["returncode"], stdout, stderr)

    def start(
        self,
        argv: Sequence[str],
        input: bytes | None = b"",  # noqa: A002  as subprocess calls it
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
        user: int = 0,
    ) -> Background:
        """Starts a command, which goes on. With None as its input, more can be sent."""
        given = None if input is None else encoded(input)
        where = {"env": dict(env or {}), "cwd": cwd, "user": user}
        got = self._ask("start", 0, argv=list(argv), given=given, **where)
        return Background(self._ask, argv, got["process"], got["pid"])

    def put(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Writes a file, and the folders that it needs."""
        self._ask("put", 0, path=path, data=encoded(data), mode=mode)

    def get(self, path: str) -> bytes:
        return base64.b64decode(self._ask("get", 0, path=path)["data"])

    def _ask(self, what: str, within: float, **details: Any) -> Any:
        number = next(self._count)
        self._waiting[number] = queue.SimpleQueue()
        line = json.dumps({"id": number, "do": what, "with": details}).encode() + b"\n"
        try:
            with self._sending:
                self._channel.sendall(line)
        except OSError:
            self._died("is gone")
        answer = self._answer(number, within + self.grace)
        failed = answer.get("failed")
        if failed is None:
            return answer["got"]
        if failed["errno"] is None:
            raise RuntimeError(failed["text"])
        raise OSError(failed["errno"], failed["text"], failed["path"])

    def _answer(self, number: int, seconds: float) -> dict[str, Any]:
        try:
            answer = None if self._ended else self._waiting[number].get(timeout=seconds)
        except queue.Empty:
            self._died(f"did not answer within {seconds:.0f} s")
        del self._waiting[number]
        if answer is None:
            self._died("ended")
        return answer

    def _died(self, how: str) -> NoReturn:
        self._qemu.kill()
        self._qemu.wait()
        tail = "\n".join(self.console.splitlines()[-_TAIL:])
        raise GuestDied(f"the guest ({self.kernel}) {how}; its console ends:\n{tail}")

    def _read(self) -> None:
        with self._channel.makefile("rb") as lines:
            try:
                for line in lines:
                    answer = json.loads(line)
                    self._waiting[answer["id"]].put(answer)
            except OSError:  # the end of QEMU may come as a reset
                pass
        self._ended = True
        for waiting in list(self._waiting.values()):
            waiting.put(None)
