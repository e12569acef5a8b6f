"""`hauberk-enforcer` as people run it, on each kernel: what it loads holds, and nothing of it stays behind."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

import pytest

from support.container import NGINX, Container, Image, running
from support.enforcing import (
    ALERT,
    CLI,
    OBJECT,
    ONE,
    SEED,
    STATE,
    WEB,
    alerts,
    behind,
    cli,
    load,
    nothing_is_left,
    one_line,
    policy,
    until_it_has,
)
from support.guest import Guest
from support.keeper import Keeper

pytestmark = pytest.mark.guest


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


@ONE
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


def nobody_else_reads(guest: Guest) -> None:
    done = cli(guest, "events")
    assert done.returncode == 2
    assert "another `hauberk-enforcer events` is reading" in one_line(done)


@ONE
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


@ONE
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
def test_programs_of_another_package_are_replaced_and_what_they_held_stays(web: Container) -> None:
    guest, other = web.guest, "/t/other.bpf.o"
    # one byte more than ELF asks for: another file, and the same programs
    guest.run(["sh", "-c", f"mkdir -p /t && cat {OBJECT} /proc/uptime >{other}"]).checked()
    done = load(guest, SEED, "--pid", str(web.pid), *WEB, "--posture-file", "block", "--object", other)
    assert "the programs were of another version, and replaced" in done.checked()
    assert done.text.startswith("nothing changed: ")
    assert denied(web, "ls", "/")
    cli(guest, "dump").checked()
    again = load(guest, SEED, "--pid", str(web.pid), *WEB, "--posture-file", "block", "--object", other)
    assert "replaced" not in again.checked()
    # a damaged package touches nothing
    guest.run(["sh", "-c", f"head -c 5000 {OBJECT} >{other}"]).checked()
    refused = load(guest, SEED, "--pid", str(web.pid), *WEB, "--object", other)
    assert "is cut short" in one_line(refused)
    assert denied(web, "ls", "/")


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
