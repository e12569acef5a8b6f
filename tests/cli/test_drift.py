"""`hauberk drift` with a cluster that is a value: what a real one is asked for, `tests/cluster` shows."""

from __future__ import annotations

import copy
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from hauberk.cli.cluster import Live, Where, read
from hauberk.cli.commands.drift import drift
from hauberk.cli.drifts import Drift
from hauberk.cli.loading import load
from hauberk.cli.output import drift as output
from hauberk.cli.sources import Source
from hauberk.policy import digest
from hauberk.policy.model import Model, Posture
from hauberk.policy.problems import HauberkError
from support import hauberk

Document = dict[str, Any]


def policy(name: str = "keys", *, kind: str = "KubeArmorPolicy", action: str = "Block", path: str = "/a") -> Document:
    metadata = {"name": name, "namespace": "web"} if kind == "KubeArmorPolicy" else {"name": name}
    spec: Document = {"file": {"matchPaths": [{"path": path}]}, "action": action}
    if kind != "KubeArmorHostPolicy":
        spec["selector"] = {"matchLabels": {"app": "shop"}} if kind == "KubeArmorPolicy" else {}
    return {"apiVersion": "security.kubearmor.com/v1", "kind": kind, "metadata": metadata, "spec": spec}


def pod(name: str = "shop", **labels: str) -> Document:
    metadata = {"name": name, "namespace": "web", "labels": {"app": "shop", **labels}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [{"name": "c"}]}}


def space(**annotations: str) -> Document:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web", "annotations": annotations}}


def live(*policies: Document, spaces: tuple[Document, ...] = (), pods: tuple[Document, ...] = ()) -> Live:
    return Live("tests", list(policies), list(spaces) or [space()], list(pods) or [pod()], 1)


def found(
    git: list[Document],
    cluster: Live,
    *,
    model: Model = Model.HAUBERK,
    configured: Posture | None = None,
    namespaces: tuple[str, ...] = (),
) -> Drift:
    loaded = [load(Source("git.yaml", yaml.safe_dump_all(git).encode()), keep=True)]
    return drift(loaded, cluster, model, configured, namespaces, lambda _done, _total: None)


def told(result: Drift) -> list[tuple[str, str]]:
    return [(one.kind.value, one.name) for one in result.objects]


def directions(result: Drift) -> set[str]:
    return {change.direction for change in result.diff.changes}


@pytest.mark.parametrize("spec", [None, {}])
def test_a_policy_without_a_spec(spec: object) -> None:
    empty = {**policy(), "spec": spec}
    assert told(found([policy()], live(empty))) == [("other", "keys")]
    assert told(found([empty], live(empty))) == []


def test_what_nodes_report_is_told() -> None:
    cluster = live(policy())
    cluster.reports.append(
        {
            "metadata": {"namespace": "web"},
            "spec": {"nodeName": "n1", "policy": {"kind": "KubeArmorPolicy", "name": "keys"}},
            "status": {
                "drifts": [{"type": "NotEnforced", "message": "no | room", "firstSeen": "2026-01-01T00:00:00Z"}]
            },
        }
    )
    result = found([policy()], cluster)
    assert told(result) == []
    line = "NotEnforced KubeArmorPolicy web/keys on n1 since 2026-01-01T00:00:00Z: no | room"
    assert output.as_text(result, colour=False).splitlines()[:2] == [line, output.summary(result)]
    assert "every object as in git, 1 reported by nodes" in output.summary(result)
    assert "- **NotEnforced** KubeArmorPolicy web/keys on n1" in output.as_markdown(result)
    assert [one["node"] for one in json.loads(output.as_json(result))["reported"]] == ["n1"]


def test_a_field_that_no_schema_of_ours_knows() -> None:
    other = policy()
    other["spec"]["file"]["matchPaths"][0]["exceptFor"] = ["/bin/sh"]
    (one,) = found([policy()], live(other)).objects
    assert (one.kind, [field.pointer for field in one.fields]) == ("other", ["/spec/file/matchPaths/0/exceptFor"])
    assert found([other], live(other)).objects == []


def test_a_rule_that_was_taken_out_is_named_alone() -> None:
    rules = [{"path": f"/{name}"} for name in "abcd"]

    def having(*entries: Document) -> Document:
        return {**policy(), "spec": {**policy()["spec"], "file": {"matchPaths": list(entries)}}}

    for left, pointer, git in (
        (rules[1:], "/spec/file/matchPaths/0", '{"path": "/a"}'),
        ([rules[0], *rules[2:]], "/spec/file/matchPaths/1", '{"path": "/b"}'),
        (rules[:3], "/spec/file/matchPaths/3", '{"path": "/d"}'),
    ):
        (one,) = found([having(*rules)], live(having(*left))).objects
        assert [(field.pointer, field.git, field.cluster) for field in one.fields] == [(pointer, git, None)]
        (one,) = found([having(*left)], live(having(*rules))).objects
        assert [(field.pointer, field.git, field.cluster) for field in one.fields] == [(pointer, None, git)]


def test_an_edit_is_told_from_git_that_went_on() -> None:
    rendered = copy.deepcopy(policy())
    rendered["metadata"]["annotations"] = {digest.ANNOTATION: digest.digest(policy())}
    edited = {**rendered, "spec": policy(path="/b")["spec"]}
    assert told(found([policy()], live(edited))) == [("edited", "keys")]
    assert told(found([policy(path="/b")], live(rendered))) == [("other", "keys")]


def test_postures_of_namespaces_that_git_does_not_have() -> None:
    audited = live(policy(action="Allow"), spaces=(space(**{"kubearmor-file-posture": "audit"}),))
    plain = found([policy(action="Allow")], audited)
    assert (told(plain), directions(plain)) == ([], set())
    assert plain.notes == ["namespace web has kubearmor-file-posture: audit, and no manifest in git that says so"]
    assumed = found([policy(action="Allow")], audited, configured=Posture("block", "block", "block"))
    assert told(assumed) == [("posture", "web")]
    assert directions(assumed) == {"widened"}


def test_two_documents_of_one_namespace_are_one() -> None:
    block = {"kubearmor-file-posture": "block"}
    assert told(found([policy(), space(), space(**block)], live(policy(), spaces=(space(**block),)))) == []


def test_two_policies_of_git_that_are_one_object() -> None:
    with pytest.raises(HauberkError, match=r"KubeArmorPolicy web/keys is in git\.yaml:1 too"):
        found([policy(), policy(path="/b")], live(policy()))


def test_two_workloads_of_one_name_are_both_compared() -> None:
    git = policy()
    git["spec"]["selector"] = {"matchLabels": {"tier": "front"}}
    opened = {**git, "spec": {**git["spec"], "action": "Audit"}}
    one, other = pod(tier="front"), pod()
    assert directions(found([git, one, other], live(opened, pods=(one,)))) == {"widened"}


@pytest.mark.parametrize("unread", ["KubeArmorClusterPolicy", "KubeArmorHostPolicy"])
def test_kinds_that_may_not_be_read_are_left_out_of_both_sides(unread: str) -> None:
    kinds = ("KubeArmorClusterPolicy", "KubeArmorHostPolicy")
    git = [policy(), *(policy(f"p-{kind[9:13].lower()}", kind=kind) for kind in kinds)]
    cluster = live(*(one for one in git if one["kind"] != unread))
    cluster.unread = {unread}
    result = found(git, cluster, namespaces=("web",))
    assert (told(result), directions(result)) == ([], set())


def test_the_order_of_files_is_no_drift() -> None:
    git = [policy("b"), policy("a", action="Allow")]
    result = found(git, live(git[1], git[0]), model=Model.KUBEARMOR)
    assert (told(result), directions(result)) == ([], set())


def test_what_no_model_decides_is_not_missing() -> None:
    network = {**policy("net"), "kind": "KubeArmorNetworkPolicy"}
    result = found([policy(), network], live(policy()))
    assert told(result) == []
    assert "KubeArmorNetworkPolicy of git are not looked at" in result.notes[0]


def test_pods_for_which_nothing_is_enforced() -> None:
    off = pod("off")
    off["metadata"]["annotations"] = {"kubearmor-policy": "disabled"}
    assert "web/off" in found([policy()], live(policy(), pods=(off,))).notes[0]


def test_reports_say_what_they_leave_out() -> None:
    rules = [{"path": f"/{number}"} for number in range(30)]
    other = policy()
    other["spec"]["file"] = {"matchPaths": rules}
    cluster = live(other)
    cluster.notes = ["something is not looked at"]
    result = found([policy()], cluster)
    for text in (output.as_text(result, colour=False), output.as_markdown(result)):
        assert "more fields" in text
        assert "something is not looked at" in text
    assert len(json.loads(output.as_json(result))["objects"][0]["fields"]) == 30


# ------------------------------------------------------------------------------------- what answers is no cluster


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """A server in the place of an API server: a real one never answers so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def kubeconfig(path: Path, url: str, token: str = "token") -> str:  # noqa: S107  no secret
    document = {
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path.write_text(yaml.safe_dump(document))
    return str(path)


def complaint(config: str) -> str:
    with pytest.raises(HauberkError) as caught:
        read(Where(config), (), lambda _done, _total: None)
    (line,) = str(caught.value).splitlines()
    return line


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"items": [', b""])
def test_a_proxy_that_answers_for_it(tmp_path: Path, body: bytes) -> None:
    with answering(200, body) as url:
        assert "no API server" in complaint(kubeconfig(tmp_path / "k", url))


def test_messages_stay_on_one_line(tmp_path: Path) -> None:
    body = json.dumps({"message": "no\nhauberk: 0 findings\x1b[2J"}).encode()
    with answering(500, body) as url:
        said = complaint(kubeconfig(tmp_path / "k", url))
    assert "says 500: no hauberk: 0 findings" in said
    assert "\x1b" not in said


@pytest.mark.parametrize("token", ["SECRET\nTOKEN", "SECRET-ü-TOKEN\u20ac"])
def test_a_token_is_never_shown(tmp_path: Path, token: str) -> None:
    with answering(200, b"{}") as url:
        said = complaint(kubeconfig(tmp_path / "k", url, token))
    assert "log in again" in said
    assert "SECRET" not in said


def test_a_kubeconfig_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy()))
    for text in ("a: [", "[]", "", "clusters: 1"):
        (tmp_path / "k").write_text(text)
        done = hauberk("drift", tmp_path / "policy.yaml", "--kubeconfig", tmp_path / "k")
        assert done.returncode == 2, done.stderr
        assert done.stderr.startswith("hauberk: no cluster to ask")
        assert len(done.stderr.splitlines()) == 1


def test_a_kubeconfig_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy()))
    usual = {"HOME": str(tmp_path), "KUBECONFIG": ""}
    done = hauberk("drift", tmp_path / "policy.yaml", "--kubeconfig", tmp_path / "k", env=usual)
    assert done.stderr.startswith(f"hauberk: no cluster to ask: {tmp_path}/k is not there: name one with")
    done = hauberk("drift", tmp_path / "policy.yaml", env=usual)
    assert (done.returncode, "~/.kube/config is not there" in done.stderr) == (2, True)
    done = hauberk("drift", tmp_path / "policy.yaml", env=usual | {"KUBECONFIG": "/nothing:/here"})
    assert (done.returncode, "/nothing:/here is not there" in done.stderr) == (2, True)


def test_a_plugin_of_the_kubeconfig_that_fails(tmp_path: Path) -> None:
    config = tmp_path / "k"
    kubeconfig(config, "http://127.0.0.1:1")
    document = yaml.safe_load(config.read_text())
    plugin = {"command": sys.executable, "args": ["-c", "raise SystemExit('the session\\nhas ended')"]}
    version = {"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never"}
    document["users"][0]["user"] = {"exec": {**plugin, **version}}
    config.write_text(yaml.safe_dump(document))
    assert "process returned 1. the session has ended: mend the kubeconfig" in complaint(str(config))


def test_names_of_namespaces(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy()))
    for name in ("", "../x", "Web"):
        done = hauberk("drift", tmp_path / "policy.yaml", "--namespace", name)
        assert (done.returncode, done.stderr) == (2, f"hauberk: --namespace {name}: not a name of a namespace\n")


def test_the_variable_goes_before_the_account_of_a_pod(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy()))
    with answering(401, b"{}") as url:
        variables = {"KUBECONFIG": kubeconfig(tmp_path / "k", url), "KUBERNETES_SERVICE_HOST": "10.0.0.1"}
        done = hauberk("drift", tmp_path / "policy.yaml", env=variables)
    assert "(401)" in done.stderr
