"""Does in a guest what tests ask: JSON lines over a virtio port, one thread for each request."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import signal
import subprocess
import threading
import time
import traceback
from pathlib import Path
from typing import IO, Any

_PORT = Path("/dev/vport0p1")
_ENVIRONMENT = {
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "PYTHONPATH": "/opt/hauberk/python",
}
# How long output is awaited of a process that ended: one that it left behind may hold the pipes for ever.
_DRAIN = 0.5
# How long the end of a killed process is awaited.
_DIE = 10.0


def main() -> None:
    Agent(_PORT).serve()


class Agent:
    """Each `do_` method answers the request of its name."""

    def __init__(self, port: Path) -> None:
        self._port = os.open(port, os.O_RDWR | os.O_CLOEXEC)
        self._lock = threading.Lock()
        self._count = itertools.count(1)
        self._processes: dict[int, Process] = {}

    def serve(self) -> None:
        self._say({"id": 0, "got": {"release": os.uname().release}})
        with open(self._port, "rb", closefd=False) as lines:
            for line in lines:
                threading.Thread(target=self._answer, args=(json.loads(line),), daemon=True).start()

    def do_run(self, argv: list[str], given: str, seconds: float, **where: Any) -> dict[str, Any]:
        process = Process(argv, given, **where)
        state = process.wait(seconds)
        if state["returncode"] is None:
            process.kill_group()
            state |= process.wait(_DIE, returncode=None)
        return state

    def do_start(self, argv: list[str], given: str | None, **where: Any) -> dict[str, Any]:
        process, number = Process(argv, given, **where), next(self._count)
        self._processes[number] = process
        return {"process": number, "pid": process.pid}

    def do_wait(self, process: int, seconds: float, seen: tuple[int, int]) -> dict[str, Any]:
        return self._processes[process].wait(seconds, seen)

    def do_send(self, process: int, data: str, close: bool) -> None:
        self._processes[process].send(base64.b64decode(data), close)

    def do_kill(self, process: int, number: int) -> None:
        self._processes[process].kill(number)

    def do_put(self, path: str, data: str, mode: int) -> None:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(base64.b64decode(data))
        target.chmod(mode)

    def do_get(self, path: str) -> dict[str, Any]:
        return {"data": encoded(Path(path).read_bytes())}

    def _answer(self, request: dict[str, Any]) -> None:
        answer: dict[str, Any]
        try:
            answer = {"got": getattr(self, f"do_{request['do']}")(**request["with"])}
        except OSError as error:
            answer = {"failed": {"errno": error.errno, "text": error.strerror, "path": error.filename}}
        except Exception:  # noqa: BLE001  the test gets it
            answer = {"failed": {"errno": None, "text": traceback.format_exc(), "path": None}}
        self._say({"id": request["id"], **answer})

    def _say(self, answer: dict[str, Any]) -> None:
        line = memoryview(json.dumps(answer).encode() + b"\n")
        with self._lock:
            while line:
                line = line[os.write(self._port, line) :]


class Process:
    """A command in a session of its own. `given` is its input; with None it stays open, and more can be sent."""

    def __init__(self, argv: list[str], given: str | None, env: dict[str, str], cwd: str, user: int) -> None:
        other: dict[str, Any] = {"user": user, "group": user, "extra_groups": []} if user else {}
        pipe = subprocess.PIPE
        environment = {**_ENVIRONMENT, **env}
        self._popen = subprocess.Popen(
            argv, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, cwd=cwd, start_new_session=True, **other
        )
        self.pid = self._popen.pid
        assert self._popen.stdout
        assert self._popen.stderr
        self._outputs = (Output(self._popen.stdout), Output(self._popen.stderr))
        if given is not None:
            threading.Thread(target=self.send, args=(base64.b64decode(given), True), daemon=True).start()

    def send(self, data: bytes, close: bool) -> None:
        assert self._popen.stdin
        # it may end, or close its input, before it has read all
        with contextlib.suppress(BrokenPipeError):
            self._popen.stdin.write(data)
            self._popen.stdin.flush()
        if close:
            with contextlib.suppress(BrokenPipeError):
                self._popen.stdin.close()

    def kill(self, number: int) -> None:
        self._popen.send_signal(number)

    def kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def wait(self, seconds: float, seen: tuple[int, int] = (0, 0), **instead: Any) -> dict[str, Any]:
        """The exit code, None while it runs, and the output that was not seen yet."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(seconds)
            until = time.monotonic() + _DRAIN
            for output in self._outputs:
                output.drain(until)
        texts = [output.since(count) for output, count in zip(self._outputs, seen, strict=True)]
        return {"returncode": self._popen.returncode, "stdout": texts[0], "stderr": texts[1], **instead}


class Output:
    """What came out of a pipe so far."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._data = bytearray()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def drain(self, until: float) -> None:
        self._thread.join(max(0, until - time.monotonic()))

    def since(self, seen: int) -> str:
        return encoded(bytes(self._data[seen:]))

    def _read(self) -> None:
        while part := os.read(self._pipe.fileno(), 1 << 16):
            self._data += part
        self._pipe.close()


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


if __name__ == "__main__":
    main()
