"""Objects, pins and nodes that `hauberk-enforcer load` cannot work with: one line says so, and nothing stays."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hauberk.enforcer.kernel.wire import CONSTANTS
from support.commands import Finished
from support.enforcing import (
    CLI,
    OBJECT,
    ONE,
    PINS,
    SEED,
    WEB,
    alerts,
    behind,
    cli,
    load,
    nothing_is_left,
    one_line,
    policy,
    programs,
    until_it_has,
)
from support.guest import Guest
from support.kernels import Kernel
from support.payload import packages

pytestmark = pytest.mark.guest


@pytest.fixture
def idle(guest: Guest) -> Iterator[Guest]:
    """A guest without our programs, with a cgroup to load for."""
    cli(guest, "unload").checked()
    guest.run(["mkdir", "-p", "/sys/fs/cgroup/idle"]).checked()
    yield guest
    nothing_is_left(guest)


def load_idle(guest: Guest, *arguments: str) -> Finished:
    return load(guest, SEED, "--cgroup", "idle", *WEB, *arguments)


@ONE
def test_objects_that_are_not_ours(idle: Guest) -> None:
    whole = idle.get(OBJECT)
    broken = {
        "/o/short.bpf.o": (whole[: len(whole) // 2], "is cut short"),
        "/o/empty.bpf.o": (b"", "is no 64-bit little-endian ELF file"),
        "/o/python": (idle.get("/usr/bin/bash"), "holds code of another machine"),
        "/o/damaged.bpf.o": (whole[:64] + bytes(len(whole) - 1064) + whole[-1000:], "no object that libbpf can read"),
    }
    for path, (data, said) in broken.items():
        idle.put(path, data)
        done = load_idle(idle, "--object", path)
        assert done.returncode == 1, done.stderr.decode()
        assert said in one_line(done)
        nothing_is_left(idle)
    done = load_idle(idle, "--object", "/o/nothing")
    assert (done.returncode, one_line(done)) == (2, "/o/nothing: No such file or directory")


@ONE
def test_pins_of_others_and_of_other_versions(idle: Guest) -> None:
    make = f"Path('{PINS}/maps').mkdir(parents=True)\n"
    foreign = "libbpf.Map.create(libbpf.MAP_ARRAY, 'x', 4, {size}, 1).pin('" + PINS + "/maps/{name}')\n"
    behind(idle, make + foreign.format(size=CONSTANTS.size, name="hauberk_rodata"))
    done = load_idle(idle)
    assert done.returncode == 1
    assert "the programs have version 0" in one_line(done)
    behind(idle, f"Path('{PINS}/maps/hauberk_rodata').unlink()\n" + foreign.format(size=9, name="hauberk_rodata"))
    done = load_idle(idle)
    assert done.returncode == 1
    assert "is another map than ours" in one_line(done)
    cli(idle, "unload").checked()
    behind(idle, f"Path('{PINS}').mkdir()\n" + foreign.replace("/maps/", "/").format(size=9, name="x"))
    done = load_idle(idle)
    assert done.returncode == 1
    assert "holds pins that are not ours" in one_line(done)
    idle.run(["rm", "-r", PINS]).checked()


def test_the_node_itself(idle: Guest) -> None:
    spec = "action: Block\nprocess: {matchPaths: [{path: /bin/factor}]}"
    host = policy(spec, "node").replace(b"KubeArmorPolicy", b"KubeArmorHostPolicy")
    host = host.replace(b"selector: {matchLabels: {app: nginx}}", b"nodeSelector: {matchLabels: {zone: a}}")
    try:
        done = load(idle, host, "--host", "--label", "zone=a")
        assert done.checked().startswith("enforced: the node with zone=a\n")
        with pytest.raises(PermissionError):
            idle.run(["/usr/bin/factor", "6"])
        alert = alerts(idle)[-1]
        assert (alert["Type"], alert["PolicyName"], alert["Labels"]) == ("MatchedHostPolicy", "node", "zone=a")
        assert alert["ProcessName"] == "/usr/bin/factor"
        assert cli(idle, "dump").checked().count("slot 0: the node with zone=a") == 1
    finally:
        cli(idle, "unload").checked()
    assert idle.run(["/usr/bin/factor", "6"]).checked() == "6: 2 3\n"


@ONE
def test_without_a_bpf_file_system(idle: Guest) -> None:
    idle.run(["umount", "/sys/fs/bpf"]).checked()
    try:
        done = load_idle(idle)
        assert done.returncode == 1
        said = "bpf file system: none is mounted at /sys/fs/bpf: mount -t bpf bpf /sys/fs/bpf"
        assert one_line(done) == said
        assert cli(idle, "check").returncode == 1
        assert cli(idle, "unload").checked() == ""
        assert programs(idle) == []
    finally:
        idle.run(["mount", "-t", "bpf", "-o", "mode=700", "bpf", "/sys/fs/bpf"]).checked()


@ONE
def test_without_capabilities(idle: Guest) -> None:
    idle.put("/policies/policy.yaml", SEED)
    arguments = ["load", "--policies", "/policies", "--cgroup", "idle", *WEB]
    done = idle.run(["setpriv", "--bounding-set=-bpf,-sys_admin", *CLI, *arguments])
    assert done.returncode == 1
    assert one_line(done) == "capabilities: lacking CAP_SYS_ADMIN, CAP_BPF: run it as root, or grant them"
    done = idle.run([*CLI, "dump"], user=1000)
    assert done.returncode == 2
    assert "Permission denied: run it as root" in one_line(done)


@ONE
def test_a_load_that_is_interrupted_leaves_nothing(idle: Guest) -> None:
    idle.put("/policies/policy.yaml", SEED)
    started = idle.start([*CLI, "load", "--policies", "/policies", "--cgroup", "idle", *WEB])
    until_it_has(idle, started, "/run/hauberk/lock")
    started.kill(2)
    done = started.wait()
    assert done.returncode == 130, done.stderr.decode()
    assert done.stderr in (b"", b"hauberk-enforcer: interrupted\n")  # newer typers say nothing


def test_a_kernel_whose_storage_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without cx16, local storage of 6.19 and later gives nothing: everything loads, and nothing is enforced right."""
    monkeypatch.setattr(Kernel, "processor", "max,-la57,-cx16")
    with Guest.boot("7.x", packages()) as guest:
        guest.run(["mkdir", "/sys/fs/cgroup/idle"]).checked()
        done = load_idle(guest)
        assert done.returncode == 1
        said = one_line(done)
        assert said.startswith("the programs are attached and do not enforce on this kernel: ")
        assert "no storage" in said
        nothing_is_left(guest)
