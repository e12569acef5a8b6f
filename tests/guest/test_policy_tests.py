"""`hauberk-enforcer test`: each kernel answers PolicyTests as the model does, or says why it was not asked."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from hauberk.enforcer.policies import Read, read_documents
from hauberk.policy.decision import compile_policies
from hauberk.policy.documents import Document
from hauberk.policy.model import Model, Posture
from hauberk.policy.policytest import is_test, read_test
from hauberk.policy.repository import Entry, Repository
from hauberk.policy.workloads import Manifest, Place, parse_manifest
from support import ROOT
from support.commands import Finished
from support.enforcing import CLI, ONE, SEED, STATE, cli, load, nothing_is_left, one_line
from support.guest import Guest

pytestmark = pytest.mark.guest

EXAMPLES = ROOT / "examples"
KINDS = ROOT / "tests/guest/kinds"
TEST = """\
apiVersion: hauberk.dev/v1alpha1
kind: PolicyTest
metadata:
  name: one
spec:
  given: {namespace: default, labels: {app: nginx}, posture: block}
  expect:
"""
# kills whatever enters a cgroup of tests
TRAP = """\
#!/usr/bin/python3
import glob, os, signal, sys
from pathlib import Path
if not os.fork():
    os.closerange(0, 100)
    parent = os.getppid()
    while os.getppid() == parent:
        for path in glob.glob("/sys/fs/cgroup/hauberk-test-*/cgroup.procs"):
            for pid in Path(path).read_text().split():
                os.kill(int(pid), signal.SIGKILL)
    os._exit(0)
os.execv("/usr/bin/unshare", ["unshare", *sys.argv[1:]])
"""


def put(guest: Guest, folder: Path, at: str) -> None:
    guest.run(["rm", "-rf", at]).checked()
    for path in folder.rglob("*.yaml"):
        guest.put(f"{at}/{path.relative_to(folder)}", path.read_bytes())


def put_test(guest: Guest, *expectations: str, policy: bytes = SEED) -> None:
    guest.run(["rm", "-rf", "/tests"]).checked()
    guest.put("/tests/policy.yaml", policy)
    guest.put("/tests/tests.yaml", (TEST + "".join(f"    - {{{one}}}\n" for one in expectations)).encode())


def run_tests(guest: Guest, *arguments: str) -> Finished:
    return guest.run([*CLI, "test", *arguments], timeout=900)


def modelled(folder: Path) -> list[dict[str, Any]]:
    """What the model says of every expectation, in order, with what the kernel is to say as well."""
    policies, others = read_documents([str(folder)])
    repository = Repository([_entry(one) for one in policies], _manifests(others))
    found: list[dict[str, Any]] = []
    for path, document in others:
        if not is_test(document):
            continue
        test, broken = read_test(document, path, repository, Posture())
        assert test is not None
        assert not broken
        compiled = compile_policies(Model.HAUBERK, [one.policy for one in policies], test.target.workload, test.posture)
        for expected in test.expectations:
            if Model.HAUBERK in expected.models:
                decision = compiled.decide(expected.access)
                reports = [asdict(report) for report in decision.reports]
                found.append({"what": expected.what, "verdict": decision.verdict.value, "reports": reports})
    return found


def _entry(one: Read) -> Entry:
    return Entry(one.policy, Place(one.given.file, one.given.line), tuple(one.given.lines.values()))


def _manifests(documents: list[tuple[str, Document]]) -> list[Manifest]:
    found = [parse_manifest(one.data, Place(path, 1)) for path, one in documents if isinstance(one.data, dict)]
    return [one for one in found if one is not None]


def answered(done: Finished) -> list[dict[str, Any]]:
    checked = json.loads(done.text)["checked"]
    return [{key: one[key] for key in ("what", "verdict", "reports")} for one in checked]


def test_the_kernel_answers_the_examples_as_the_model_does(guest: Guest) -> None:
    put(guest, EXAMPLES, "/examples")
    done = run_tests(guest, "/examples", "--format", "json")
    assert done.returncode == 0, done.text + done.stderr.decode()
    assert json.loads(done.text)["broken"] == []
    assert answered(done) == modelled(EXAMPLES)
    assert len(answered(done)) >= 34
    nothing_is_left(guest)
    assert guest.run(["bash", "-c", "ls -d /sys/fs/cgroup/hauberk-test-*"]).returncode == 2
    assert guest.run(["bash", "-c", "ls -d /tmp/hauberk-test-*"]).returncode == 2


def test_the_kernel_answers_accesses_of_every_kind_as_the_model_does(guest: Guest) -> None:
    put(guest, KINDS, "/kinds")
    done = run_tests(guest, "/kinds", "--format", "json")
    assert json.loads(done.text)["broken"] == []
    assert answered(done) == modelled(KINDS)
    assert done.returncode == 0, done.text
    nothing_is_left(guest)


@ONE
def test_what_does_not_hold_is_told(guest: Guest) -> None:
    put_test(
        guest,
        "exec: /usr/sbin/nginx, from: /usr/bin/bash, verdict: denied",
        "exec: /usr/bin/ls, from: /usr/bin/bash, verdict: denied, reported: only-allow-nginx-exec",
        "write: /etc/nginx/nginx.conf, from: /usr/bin/bash, verdict: allowed",
        "read: /etc/nginx/nginx.conf, from: /usr/bin/bash, verdict: allowed",
        "read: /etc/nginx/nginx.conf, from: /usr/bin/bash, verdict: denied, model: kubearmor",
    )
    done = run_tests(guest, "/tests")
    assert done.returncode == 1
    start, rule = "/tests/tests.yaml", "only-allow-nginx-exec:file.matchDirectories[3]"
    reported = "reported: DefaultPosture, expected only-allow-nginx-exec"
    assert done.text.splitlines() == [
        f"{start}:8 failed one: exec /usr/sbin/nginx from /usr/bin/bash: allowed, expected denied",
        f"{start}:9 failed one: exec /usr/bin/ls from /usr/bin/bash: {reported}",
        f"{start}:10 failed one: write /etc/nginx/nginx.conf from /usr/bin/bash: denied by {rule}, expected allowed",
        "1 passed, 3 failed, 0 cannot run",
    ]
    nothing_is_left(guest)


@ONE
def test_what_cannot_be_done_is_not_passed(guest: Guest) -> None:
    put_test(
        guest,
        "resolve: example.org, verdict: allowed",
        "capability: sys_boot, verdict: allowed",
        "write: /usr/bin, from: /usr/bin/bash, verdict: allowed",
        "exec: /usr/bin, from: /usr/bin/bash, verdict: denied",
        "read: /etc/passwd, from: /usr/bin/bash, verdict: allowed",
    )
    done = run_tests(guest, "/tests")
    assert done.returncode == 2
    start, fails = "cannot run /tests/tests.yaml", "not run: it fails for another reason than a policy"
    assert done.text.splitlines() == [
        f"{start}:8: one: resolve example.org: not run: the kernel does not read DNS queries (HB607)",
        f"{start}:9: one: capability sys_boot: not run: no system call within reach asks for sys_boot alone",
        f"{start}:10: one: write /usr/bin from /usr/bin/bash: {fails}: Is a directory",
        f"{start}:11: one: exec /usr/bin from /usr/bin/bash: {fails}: Permission denied",
        "1 passed, 0 failed, 4 cannot run",
    ]
    nothing_is_left(guest)


@ONE
def test_an_exec_that_its_read_forestalls_is_not_passed(guest: Guest) -> None:
    blocking = SEED.replace(b"action: Allow", b"action: Block").replace(b"      - dir: /\n", b"      - dir: /opt/\n")
    put_test(guest, "exec: /opt/tool, from: /usr/bin/bash, verdict: denied", policy=blocking)
    done = run_tests(guest, "/tests")
    assert done.returncode == 2
    assert "read /opt/tool (only-allow-nginx-exec:file.matchDirectories[0]) is denied first" in done.text


@ONE
def test_a_program_that_only_one_source_may_start(guest: Guest) -> None:
    rules = b"""  process:
    matchPaths:
      - path: /usr/bin/one
        action: Block
      - path: /usr/bin/one
        fromSource:
          - path: /usr/bin/starter
"""
    policy = SEED[: SEED.index(b"  process:")] + rules + b"  action: Allow\n"
    put_test(
        guest,
        "exec: /usr/bin/one, from: /usr/bin/starter, verdict: allowed, reported: false",
        "exec: /usr/bin/one, from: /usr/bin/bash, verdict: denied",
        policy=policy,
    )
    done = run_tests(guest, "/tests")
    assert done.returncode == 0, done.text


@ONE
def test_an_actor_that_is_killed_is_told(guest: Guest) -> None:
    put_test(
        guest,
        "exec: /usr/bin/ls, from: /usr/bin/bash, verdict: denied",
        "read: /etc/passwd, from: /usr/bin/bash, verdict: allowed",
        "read: /etc/passwd, verdict: allowed",
    )
    guest.put("/trap/unshare", TRAP.encode(), 0o755)
    done = guest.run([*CLI, "test", "/tests"], timeout=900, env={"PATH": "/trap:/usr/sbin:/usr/bin:/sbin:/bin"})
    assert done.returncode == 2, done.text
    assert done.text.splitlines()[-1] == "0 passed, 0 failed, 3 cannot run"
    assert done.text.count("not run: the actor ") == 3
    nothing_is_left(guest)


@ONE
def test_programs_that_are_at_work_stay_as_they_are(guest: Guest) -> None:
    guest.run(["mkdir", "/sys/fs/cgroup/working"]).checked()
    arguments = ("--cgroup", "working", "--namespace", "default", "--label", "app=nginx", "--container", "nginx")
    try:
        load(guest, SEED, *arguments, "--rate", "1/1000").checked()
        before, state = cli(guest, "dump").checked(), guest.get(STATE)
        put(guest, EXAMPLES / "nginx", "/examples")
        done = run_tests(guest, "/examples")
        assert done.returncode == 0, done.text + done.stderr.decode()
        assert cli(guest, "dump").checked() == before
        assert guest.get(STATE) == state
        # nobody's alerts: those of tests are no events, and none of the others was taken away
        assert cli(guest, "events").checked() == ""
    finally:
        cli(guest, "unload")
        guest.run(["rmdir", "/sys/fs/cgroup/working"]).checked()
    nothing_is_left(guest)


@ONE
def test_mistakes(guest: Guest) -> None:
    put_test(guest, "read: /a, verdict: allowed")
    done = guest.run(["setpriv", "--bounding-set=-bpf,-sys_admin", *CLI, "test", "/tests"])
    assert done.returncode == 2
    assert one_line(done) == "capabilities: lacking CAP_SYS_ADMIN, CAP_BPF: run it as root, or grant them"
    nothing_is_left(guest)


@ONE
def test_a_run_that_is_interrupted_leaves_nothing(guest: Guest) -> None:
    put(guest, EXAMPLES, "/examples")
    started = guest.start([*CLI, "test", "/examples"])
    for _ in range(600):
        if b"tried " in started.stderr:
            break
        time.sleep(0.1)
    started.kill(2)
    assert started.wait().returncode == 130
    nothing_is_left(guest)
    assert guest.run(["bash", "-c", "ls -d /sys/fs/cgroup/hauberk-test-*"]).returncode == 2
