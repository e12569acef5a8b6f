"""What the other tests of this folder rely on: guests boot, have what is said of them, and do what they are told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support import ROOT
from support.commands import CommandTimedOut
from support.guest import Guest, GuestDied
from support.keeper import Keeper
from support.kernels import Kernel
from support.qemu import make_ext4

pytestmark = pytest.mark.guest

ONE = pytest.mark.parametrize("keeper", ["6.12"], indirect=True)
ORPHAN = """
import pathlib, socket, sys, time
from support.guest import Guest
ours, theirs = socket.socketpair()
guest = Guest("-", pathlib.Path(sys.argv[1]), ["sleep", "600"], ours, theirs.fileno())
# setpriv has tied it to us by then
while pathlib.Path("/proc", str(guest._qemu.pid), "comm").read_text() != "sleep\\n":
    time.sleep(0.01)
print(guest._qemu.pid, flush=True)
guest._qemu.wait()
"""


def shell(guest: Guest, line: str) -> str:
    return guest.run(["bash", "-c", line]).checked().strip()


def test_the_kernel_is_the_one_that_was_asked_for(guest: Guest) -> None:
    assert shell(guest, "uname -r") == Kernel.named(guest.kernel).release


def test_programs_can_be_attached_to_security_hooks(guest: Guest) -> None:
    assert "bpf" in guest.get("/sys/kernel/security/lsm").decode().split(",")
    assert guest.get("/sys/kernel/btf/vmlinux")[:2] == b"\x9f\xeb"


def test_file_systems(guest: Guest) -> None:
    table = {line.split()[1]: line.split()[2] for line in guest.get("/proc/mounts").decode().splitlines()}
    assert table["/"] == "overlay"
    assert table["/mnt/ext4"] == "ext4"
    assert table["/sys/fs/bpf"] == "bpf"
    assert table["/sys/fs/cgroup"] == "cgroup2"
    assert table["/sys/kernel/tracing"] == "tracefs"
    assert {table[at] for at in ("/tmp", "/run", "/dev/shm")} == {"tmpfs"}  # noqa: S108


def test_root_and_volume_are_writable(guest: Guest) -> None:
    assert shell(guest, "echo a >/usr/bin/made && cat /usr/bin/made && rm /usr/bin/made") == "a"
    assert shell(guest, "echo b >/mnt/ext4/made && cat /mnt/ext4/made && rm /mnt/ext4/made") == "b"


def test_a_cgroup_can_be_made(guest: Guest) -> None:
    assert shell(guest, "mkdir /sys/fs/cgroup/made && cat /sys/fs/cgroup/made/cgroup.type") == "domain"
    shell(guest, "rmdir /sys/fs/cgroup/made")


def test_loopback_and_name(guest: Guest) -> None:
    assert "LOOPBACK,UP" in shell(guest, "ip link show lo")
    assert shell(guest, "hostname") == "guest"


def test_output_and_exit_code_come_back(guest: Guest) -> None:
    done = guest.run(["bash", "-c", "echo out; echo err >&2; exit 3"])
    assert (done.returncode, done.stdout, done.stderr) == (3, b"out\n", b"err\n")


def test_the_signal_that_ended_a_command_comes_back(guest: Guest) -> None:
    assert guest.run(["bash", "-c", "kill -TERM $$"]).returncode == -signal.SIGTERM


def test_much_goes_in_and_comes_out(guest: Guest) -> None:
    data = os.urandom(1 << 20)
    assert guest.run(["cat"], input=data).stdout == data


def test_input_that_nobody_reads(guest: Guest) -> None:
    assert guest.run(["true"], input=b"a" * (1 << 20)).returncode == 0


def test_environment_and_folder(guest: Guest) -> None:
    assert guest.run(["bash", "-c", "echo $ONE; pwd"], env={"ONE": "1"}, cwd="/usr").stdout == b"1\n/usr\n"


def test_files_go_in_and_come_out(guest: Guest) -> None:
    guest.put("/tmp/a/b", b"\0\xff", 0o755)  # noqa: S108
    assert guest.get("/tmp/a/b") == b"\0\xff"  # noqa: S108
    assert shell(guest, "stat -c %a /tmp/a/b") == "755"


def test_errors_are_those_of_a_call_here(guest: Guest) -> None:
    with pytest.raises(FileNotFoundError, match="/nothing"):
        guest.get("/nothing")
    with pytest.raises(FileNotFoundError, match="/nothing"):
        guest.run(["/nothing"])
    with pytest.raises(PermissionError, match="/etc/passwd"):
        guest.run(["/etc/passwd"])


def test_a_command_that_takes_too_long_is_killed(guest: Guest) -> None:
    with pytest.raises(CommandTimedOut, match=r"not within 3 s: bash") as caught:
        guest.run(["bash", "-c", "echo begun; sleep 1234; echo over"], timeout=3)
    assert caught.value.stdout == b"begun\n"
    assert guest.run(["pgrep", "-f", "sleep 1234"]).returncode == 1


def test_what_a_command_leaves_behind_is_not_waited_for(guest: Guest) -> None:
    assert guest.run(["bash", "-c", "sleep 600 & echo $!"]).returncode == 0


def test_a_command_in_the_background(guest: Guest) -> None:
    started = guest.start(["bash", "-c", "echo $$; read line; echo got $line; exit 4"], input=None)
    assert started.until(b"\n") == b"%d\n" % started.pid
    assert started.running
    started.send(b"it\n")
    done = started.wait()
    assert (done.returncode, done.stdout) == (4, b"%d\ngot it\n" % started.pid)


def test_a_command_in_the_background_is_killed(guest: Guest) -> None:
    started = guest.start(["sleep", "600"])
    with pytest.raises(CommandTimedOut):
        started.wait(0.1)
    started.kill(signal.SIGTERM)
    assert started.wait().returncode == -signal.SIGTERM


def test_another_user(guest: Guest) -> None:
    assert guest.run(["id"], user=1000).text.strip() == "uid=1000(user) gid=1000(user) groups=1000(user)"
    assert guest.run(["cat", "/etc/shadow"], user=1000).returncode == 1
    assert guest.run(["touch", "/home/user/a", "/tmp/b"], user=1000).returncode == 0  # noqa: S108


def test_libbpf_loads(guest: Guest) -> None:
    script = 'import ctypes; print(ctypes.CDLL("libbpf.so.1").libbpf_major_version())'
    assert guest.run(["python3", "-c", script]).checked() == "1\n"


def test_the_packages_of_this_project_load(guest: Guest) -> None:
    modules = "yaml, yaml.cyaml, typer, jsonschema_rs, hauberk.policy.decision"
    guest.run(["python3", "-c", f"import {modules}; yaml.cyaml.CParser"]).checked()


@ONE
def test_a_panic_is_told_with_the_console_and_the_next_test_gets_another_guest(keeper: Keeper) -> None:
    panicking = keeper.guest()
    with pytest.raises(GuestDied, match=r"(?s)\(6\.12\) ended; its console ends:.*sysrq: Trigger a crash.*Call Trace"):
        panicking.run(["bash", "-c", "echo c >/proc/sysrq-trigger"])
    with pytest.raises(GuestDied):
        panicking.get("/etc/passwd")
    assert keeper.guest() is not panicking
    assert shell(keeper.guest(), "echo again") == "again"


@ONE
def test_a_guest_that_hangs_is_dead(keeper: Keeper) -> None:
    hanging = keeper.guest()
    hanging._qemu.send_signal(signal.SIGSTOP)
    hanging.grace = 1
    with pytest.raises(GuestDied, match="did not answer within 2 s"):
        hanging.run(["true"], timeout=1)
    assert not hanging.alive


def test_a_guest_with_a_disk_whose_time_is_what_it_does(tmp_path: Path) -> None:
    disk, content = tmp_path / "disk", tmp_path / "content"
    content.mkdir()
    (content / "file").write_text("of the disk")
    make_ext4(disk, "16M", content)
    before = disk.read_bytes()
    with Guest.boot("6.12", disk=disk, icount=True) as guest:
        assert guest.get("/mnt/ext4/file") == b"of the disk"
        guest.put("/mnt/ext4/file", b"changed")
        shell(guest, "sync")
        seconds = float(guest.get("/proc/uptime").split()[0])
    assert seconds < 6  # an instruction is a nanosecond, on a busy machine too
    assert disk.read_bytes() == before


def test_no_guest_outlives_the_tests(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ORPHAN, str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    ) as run:
        assert run.stdout
        guest = Path("/proc", run.stdout.readline().decode().strip())
        assert guest.exists()
        run.kill()
    end = time.monotonic() + 30
    while _runs(guest) and time.monotonic() < end:
        time.sleep(0.05)
    assert not _runs(guest)


def _runs(process: Path) -> bool:
    """One that ended may stay for whoever inherited it, as a zombie."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_without_the_tools_a_test_says_what_it_misses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAUBERK_GUEST", "")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="make guest-tools"):
        Kernel.named("6.12")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="make guest-tools"):
        Kernel.named("6.12")
