"""`hauberk-enforcer` as people run it, on each kernel: what it loads holds, and nothing of it stays behind."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from hauberk.enforcer.kernel.wire import CONSTANTS
from support import ROOT
from support.commands import Background, Finished
from support.container import NGINX, Container, Image, running
from support.guest import Guest
from support.keeper import Keeper
from support.kernels import Kernel
from support.payload import packages
from support.resident import enforcer

pytestmark = pytest.mark.guest

# what does not hang on the kernel: starting the command takes a guest some seconds
ONE = pytest.mark.parametrize("keeper", ["6.12"], indirect=True)

CLI = ("python3", "-m", "hauberk.enforcer.main")
STATE = "/run/hauberk/state.json"
PINS = "/sys/fs/bpf/hauberk"
OBJECT = "/opt/hauberk/python/hauberk/bpf/hauberk.bpf.o"
SEED = (ROOT / "examples/nginx/policy.yaml").read_bytes()
WEB = ("--namespace", "default", "--label", "app=nginx", "--container", "nginx")
ALERT = (
    "Action ClusterName ContainerID ContainerImage ContainerName Data Enforcer HostName HostPID HostPPID Labels "
    "NamespaceName Operation Owner PID PPID ParentProcessName PodName PolicyName ProcessName Resource Result Source "
    "Timestamp Type UpdatedTime"
).split()
# what an administrator could do to the kernel behind our back: `python3 -c BEHIND STATEMENT`
BEHIND = """
import sys
from pathlib import Path
from hauberk.enforcer.kernel import libbpf, loader
from hauberk.enforcer.kernel.image import Place
from hauberk.enforcer.kernel.maps import Kernel
from hauberk.enforcer.kernel.wire import *
exec(sys.argv[1])
"""


def policy(spec: str, name: str = "p", namespace: str = "default") -> bytes:
    head = {"apiVersion": "security.kubearmor.com/v1", "kind": "KubeArmorPolicy"}
    lines = [f"{key}: {value}" for key, value in head.items()]
    lines += [
        "metadata:",
        f"  name: {name}",
        f"  namespace: {namespace}",
        "spec:",
        "  selector: {matchLabels: {app: nginx}}",
    ]
    return "\n".join([*lines, *(f"  {line}" for line in spec.strip().splitlines()), ""]).encode()


def cli(guest: Guest, *arguments: str) -> Finished:
    return enforcer(guest, *arguments)


def load(guest: Guest, files: bytes | dict[str, bytes], *arguments: str) -> Finished:
    """Loads policies from a folder that holds these files only."""
    guest.run(["rm", "-rf", "/policies"]).checked()
    for name, data in ({"policy.yaml": files} if isinstance(files, bytes) else files).items():
        guest.put(f"/policies/{name}", data)
    return cli(guest, "load", "--policies", "/policies", *arguments)


def behind(guest: Guest, statement: str) -> str:
    return guest.run(["python3", "-c", BEHIND, statement], timeout=300).checked()


def one_line(done: Finished) -> str:
    """What a refusal says: one line, and no traceback."""
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1, done.stderr.decode()
    assert lines[0].startswith("hauberk-enforcer: ")
    return lines[0].removeprefix("hauberk-enforcer: ")


def alerts(guest: Guest, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in cli(guest, "events", *arguments).checked().splitlines()]


def programs(guest: Guest) -> list[str]:
    """Names of ours that the kernel has."""
    code = (
        "import ctypes, errno, os\n"
        "lib = ctypes.CDLL('libbpf.so.1', use_errno=True)\n"
        "number, at = ctypes.c_uint32(0), 0\n"
        "while lib.bpf_prog_get_next_id(number.value, ctypes.byref(number)) == 0:\n"
        "    fd = lib.bpf_prog_get_fd_by_id(number.value)\n"
        "    if fd < 0:\n        continue\n"
        "    info, size = ctypes.create_string_buffer(232), ctypes.c_uint32(232)\n"
        "    lib.bpf_obj_get_info_by_fd(fd, info, ctypes.byref(size))\n"
        "    print(info.raw[64:80].split(b'\\0')[0].decode())\n"
        "    os.close(fd)\n"
    )
    return [name for name in guest.run(["python3", "-c", code]).checked().split() if name.startswith("hauberk_")]


def nothing_is_left(guest: Guest) -> None:
    assert guest.run(["ls", "/sys/fs/bpf"]).checked() == ""
    assert programs(guest) == []
    assert guest.run(["test", "-e", STATE]).returncode == 1
    assert guest.run(["bash", "-c", "ls -d /sys/fs/cgroup/hauberk-probe-*"]).returncode == 2


def denied(web: Container, *argv: str) -> bool:
    done = web.exec(["bash", "-c", f"{shlex.join(argv)} >/dev/null"])
    if done.returncode:
        assert b"Permission denied" in done.stderr, done.stderr
    return done.returncode != 0


@pytest.fixture(scope="module")
def web(keeper: Keeper) -> Iterator[Container]:
    """A container that the seed's policy confines under block posture; the programs are loaded once for the module."""
    guest = keeper.guest()
    with running(guest, "web", Image(NGINX)) as found:
        assert not denied(found, "ls", "/")
        done = load(guest, SEED, "--pid", str(found.pid), *WEB, "--posture-file", "block")
        assert done.returncode == 0, done.stderr.decode()
        assert "the programs were loaded by this command" in done.text
        assert done.text.startswith("enforced: namespace default, container nginx, labels app=nginx\n")
        yield found
        cli(guest, "unload")


def test_a_guest_has_all_that_is_needed(guest: Guest) -> None:
    done = guest.run([*CLI, "check"])
    assert done.checked().splitlines()[-1] == "this node can enforce"
    assert all(one["ok"] for one in json.loads(cli(guest, "check", "--format", "json").checked()))


def test_a_denied_program_and_its_alert(web: Container) -> None:
    assert denied(web, "ls", "/")
    alert = alerts(web.guest)[-1]
    assert list(alert) == ALERT
    expected = {
        "Action": "Block",
        "ContainerName": "nginx",
        "Data": "lsm=SECURITY_BPRM_CHECK",
        "Enforcer": "BPFLSM",
        "HostName": "guest",
        "Labels": "app=nginx",
        "NamespaceName": "default",
        "Operation": "Process",
        "PolicyName": "DefaultPosture",
        "ProcessName": "/usr/bin/ls",
        "Resource": "/usr/bin/ls",
        "Result": "Permission denied",
        "Source": "/usr/bin/bash",
        "Type": "MatchedPolicy",
    }
    assert {key: alert[key] for key in expected} == expected
    now = int(web.guest.run(["date", "+%s"]).checked())
    assert now - 60 < alert["Timestamp"] <= now + 1
    assert alert["HostPID"] > alert["PID"] > 0


def test_a_denied_write_is_of_the_policy_and_has_its_message(web: Container) -> None:
    assert denied(web, "bash", "-c", "echo >>/etc/nginx/nginx.conf")
    alert = alerts(web.guest)[-1]
    assert (alert["PolicyName"], alert["Operation"]) == ("only-allow-nginx-exec", "File")
    assert (alert["Resource"], alert["Source"]) == ("/etc/nginx/nginx.conf", "/usr/bin/bash")
    assert alert["Message"] == "process-based-asset-access"
    assert web.status() == 200


@ONE
def test_events_that_are_followed(web: Container) -> None:
    guest = web.guest
    guest.put("/alerts.yaml", b"clusterName: prod\nconstants: {tenant_id: '2'}\n")
    following = guest.start([*CLI, "events", "--follow", "--config", "/alerts.yaml"])
    # whoever comes second would take records away
    until_it_has(guest, following, "events.lock")
    nobody_else_reads(guest)
    assert denied(web, "ls", "/")
    line = following.until(b"\n")
    alert = json.loads(line)
    assert list(alert) == [*ALERT, "tenant_id"]
    assert (alert["ClusterName"], alert["tenant_id"]) == ("prod", "2")
    following.kill(2)
    done = following.wait()
    assert done.returncode == 130
    assert b"1 alert; since the programs were loaded: " in done.stderr
    assert b" 0 reports lost" in done.stderr


def until_it_has(guest: Guest, started: Background, path: str) -> None:
    """Waits until a command has opened a file."""
    line = f"ls -l /proc/{started.pid}/fd | grep -q {path}"
    for _ in range(300):
        if guest.run(["bash", "-c", line]).returncode == 0:
            return
        assert started.running, started.stderr
    raise AssertionError(f"{path} was not opened: {started.stderr!r}")


def nobody_else_reads(guest: Guest) -> None:
    done = cli(guest, "events")
    assert done.returncode == 2
    assert "another `hauberk-enforcer events` is reading" in one_line(done)


def test_what_the_kernel_holds_is_shown_as_rules(web: Container) -> None:
    text = cli(web.guest, "dump").checked()
    assert "only-allow-nginx-exec:process.matchPaths[0] Allow path /usr/sbin/nginx  [/policies/policy.yaml:15]" in text
    assert "Allow dir /etc/nginx/ recursive from /usr/sbin/nginx" in text
    (workload,) = json.loads(cli(web.guest, "dump", "--format", "json").checked())["workloads"]
    assert [group["path"] for group in workload["groups"]] == [web.cgroup]
    assert workload["drift"] == []
    assert all(rule["whole"] for rule in workload["rules"])
    assert workload["memory"] > 0


@ONE
def test_loading_the_same_again_changes_nothing(web: Container) -> None:
    done = load(web.guest, SEED, "--pid", str(web.pid), *WEB, "--posture-file", "block", "--format", "json")
    found = json.loads(done.checked())
    assert (found["changed"], found["fresh"]) == (False, False)
    assert found["rules"] == 6


def test_a_policy_that_is_replaced_holds_at_every_moment(web: Container) -> None:
    # bash alone, without other programs: what is denied under both policies is tried all the time
    attempt = "if (echo >/etc/nginx/conf.d/x) 2>/dev/null; then echo open; fi"
    loop = f"n=0; until [ -e /stop ]; do {attempt}; n=$((n+1)); echo $n; done"
    trying = web.start(["bash", "-c", loop])
    trying.until(b"1\n")
    both = SEED + b"---\n" + policy("action: Block\nfile: {matchPaths: [{path: /etc/passwd}]}", "other")
    for files in (both, SEED):
        count = trying.stdout.count(b"\n")
        done = load(web.guest, files, "--pid", str(web.pid), *WEB, "--posture-file", "block")
        assert done.checked().startswith("enforced: ")
        trying.until(b"%d\n" % (count + 2))
    web.exec(["bash", "-c", ">/stop"]).checked()
    assert trying.wait().returncode == 0
    assert b"open" not in trying.stdout


@ONE
def test_a_rule_that_is_not_enforced_leaves_what_was_there(web: Container) -> None:
    before = cli(web.guest, "dump").checked()
    rules = "action: Block\nprocess:\n  matchPaths:\n    - {path: /usr/bin/python3, allowedArgs: [-V]}\nnetwork:\n"
    bad = policy(f"{rules}  matchDNSQueries:\n    - domain: example.com\n", "args")
    done = load(web.guest, {"a.yaml": SEED, "b.yaml": bad}, "--pid", str(web.pid), *WEB)
    assert done.returncode == 1
    assert done.stdout == b""
    assert done.stderr.decode().splitlines() == [
        "hauberk-enforcer: nothing is changed, as not all of it can be enforced:",
        "  /policies/b.yaml:11:9: allowedArgs are not enforced (HB607)",
        "  /policies/b.yaml:14:9: DNS queries are not enforced (HB607)",
    ]
    assert cli(web.guest, "dump").checked() == before
    assert denied(web, "ls", "/")


@ONE
def test_policies_with_problems_leave_what_was_there(web: Container) -> None:
    before = cli(web.guest, "dump").checked()
    files = {"a.yaml": SEED.replace(b"spec:", b"spek:"), "b.yaml": b"kind: [\n", "c.yaml": SEED}
    done = load(web.guest, files, "--pid", str(web.pid), *WEB)
    assert done.returncode == 1
    assert b"/policies/a.yaml:8:1: " in done.stderr
    assert b"/policies/b.yaml:2:1: " in done.stderr
    assert cli(web.guest, "dump").checked() == before


@ONE
def test_refusals(web: Container) -> None:
    many = "action: Block\nfile:\n  matchPaths:\n" + "".join(f"    - path: /f{number}\n" for number in range(10_000))
    for files, arguments, said in (
        (policy(many), ["--cgroup", "hauberk/web", *WEB, "--memory-limit", "1"], "kernel memory, the bound is 1.0 MB"),
        (SEED, ["--cgroup", "hauberk", *WEB], "one inside the other"),
        (SEED, ["--pid", "1", *WEB], "is the root of all cgroups"),
        (SEED, ["--cgroup", "hauberk/web", *WEB, "--pins", "/run/pins"], "in no bpf file system"),
        (
            SEED,
            ["--cgroup", "hauberk/web", "--label", "app=other"],
            "no policy selects namespace default, labels app=other",
        ),
    ):
        done = load(web.guest, files, *arguments)
        assert (done.returncode, done.stdout) == (1, b""), done.stderr.decode()
        assert said in done.stderr.decode().splitlines()[0]
    assert denied(web, "ls", "/")


@ONE
def test_a_second_workload(web: Container) -> None:
    blocking = policy(
        "action: Block\nprocess: {matchPaths: [{path: /bin/ls}, {path: /sbin/nothing}]}", namespace="other"
    )
    with running(web.guest, "other") as other:
        assert not denied(other, "ls", "/")
        done = load(web.guest, blocking, "--pid", str(other.pid), "--namespace", "other", "--label", "app=nginx")
        done.checked()
        notes = done.stderr.decode().splitlines()
        assert "note: /bin/ls leads to /usr/bin/ls: the rules on it mean that" in notes
        assert "note: /sbin/nothing leads to /usr/sbin/nothing: the rules on it mean that" in notes
        assert denied(other, "ls", "/")
        assert not denied(other, "cat", "/etc/passwd")
        assert denied(web, "cat", "/etc/passwd")
        assert [alert["PolicyName"] for alert in alerts(web.guest)][-2:] == ["p", "DefaultPosture"]
        assert len(json.loads(cli(web.guest, "dump", "--format", "json").checked())["workloads"]) == 2
    assert b"is gone, and with it all its tasks" in cli(web.guest, "dump").stderr


@ONE
def test_what_was_changed_behind_our_back_is_named(web: Container) -> None:
    guest = web.guest
    opening = "p = loader.adopt(); k = Kernel(p); n = next(iter(k.slots()))\n"
    opening += "m = libbpf.Map.of_id(SLOT.unpack(p.maps['policies'].get(SLOT.pack(n)))[0], 'policy')\n"
    missing = "m.delete(KEY.pack(Place(Area.FILE, Kind.NEAR, (b'etc', b'nginx')).key(k.seed)))\n"
    behind(guest, f"{opening}{missing}m.set(KEY.pack(5), bytes(64))")
    done = cli(guest, "dump")
    assert done.returncode == 1
    lines = done.text.splitlines()
    assert "  drift: file near /etc/nginx: is missing" in lines
    assert any(line.startswith("  drift: entry 0000000000000005 is explained by no rule") for line in lines)
    assert any(line.endswith("(not as written)") for line in lines)
    # loading it again mends it
    done = load(guest, SEED, "--pid", str(web.pid), *WEB, "--posture-file", "block")
    assert done.checked().startswith("enforced: ")
    cli(guest, "dump").checked()


@ONE
def test_without_the_state_file_numbers_are_shown(web: Container) -> None:
    guest = web.guest
    guest.run(["mv", STATE, "/run/kept"]).checked()
    done = cli(guest, "dump")
    assert done.returncode == 0
    assert b"is not there: rules are numbers" in done.stderr
    assert "nobody knows whose" in done.text
    assert denied(web, "bash", "-c", "echo >>/etc/nginx/nginx.conf")
    alert = alerts(guest)[-1]
    assert alert["PolicyName"] == ""
    guest.put(STATE, b"{")
    assert "is damaged" in one_line(cli(guest, "dump"))
    guest.run(["mv", "/run/kept", STATE]).checked()
    cli(guest, "dump").checked()


@ONE
def test_a_program_that_was_detached_is_named(keeper: Keeper) -> None:
    guest = keeper.guest()
    with running(guest, "short") as short:
        pins = "/sys/fs/bpf/second"
        where = ("--pins", pins, "--state", "/run/second/state.json")
        load(guest, SEED, "--pid", str(short.pid), *WEB, "--posture-file", "block", *where).checked()
        guest.run(["rm", f"{pins}/links/hauberk_exec"]).checked()
        done = cli(guest, "dump", *where)
        assert done.returncode == 1
        assert "drift: program hauberk_exec is no longer attached" in done.text
        guest.run(["touch", f"{pins}/x"])  # a bpf file system takes no files
        guest.run(["mkdir", f"{pins}/others"]).checked()
        done = cli(guest, "unload", *where)
        assert done.returncode == 1
        assert "holds pins that are not ours (others): nothing is removed" in one_line(done)
        guest.run(["rmdir", f"{pins}/others"]).checked()
        cli(guest, "unload", *where).checked()
        assert not denied(short, "ls", "/")


def test_unload_leaves_nothing(web: Container) -> None:
    """The last that needs the programs of the module."""
    guest = web.guest
    done = cli(guest, "unload")
    assert done.checked().startswith("unloaded: ")
    nothing_is_left(guest)
    assert not denied(web, "ls", "/")
    done = cli(guest, "unload")
    assert (done.checked(), done.stderr) == ("", b"note: nothing was loaded\n")
    assert cli(guest, "dump").checked() == "no programs are loaded\n"
    done = cli(guest, "events")
    assert done.returncode == 1
    assert one_line(done) == "no programs are loaded: `hauberk-enforcer load` loads them"


# -- nothing half attached


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
