# ruff: noqa: S108  the paths are those of policies, no file is made
from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import yaml

from hauberk.policy.decision import Compiled, compile_policies, decide
from hauberk.policy.model import Access, Decision, Model, Policy, Posture, Report, Verdict, Workload
from hauberk.policy.parse import parse_access, parse_policy

DATA = Path(__file__).parent / "data"
POD = Workload("default", (("app", "w"), ("tier", "db"), ("pod-template-hash", "h1")), "nginx")
NGINX = Workload("default", (("app", "nginx"), ("tier", "db")), "nginx")
NODE = Workload(None, node_labels=(("node", "n1"),))
BLOCK = Posture("block", "block", "block")
AUDIT = Posture()
POSTURES = {"block": BLOCK, "audit": AUDIT}


def policy(spec: dict[str, Any], name: str = "p", kind: str = "KubeArmorPolicy") -> Policy:
    if kind == "KubeArmorHostPolicy":
        spec = {"nodeSelector": {"matchLabels": {"node": "n1"}}, **spec}
    parsed = parse_policy({"kind": kind, "metadata": {"name": name}, "spec": spec})
    assert parsed is not None
    return parsed


def ask(*specs: dict[str, Any], model: Model = Model.HAUBERK, posture: Posture = AUDIT, **access: Any) -> Decision:
    policies = [policy(spec, f"p{index}") for index, spec in enumerate(specs)]
    return decide(model, policies, POD, posture, parse_access(access))


def differences() -> list[Any]:
    cases = yaml.safe_load((DATA / "differences.yaml").read_text())
    return [
        pytest.param(case, model, id=f"{number}-{model.value}")
        for number, case in enumerate(cases, start=1)
        for model in Model
    ]


def worked_examples() -> list[Any]:
    examples = yaml.safe_load((DATA / "worked_examples.yaml").read_text())
    return [
        pytest.param(example["policies"], case, model, id=f"{number}.{index}-{model.value}")
        for number, example in enumerate(examples, start=1)
        for index, case in enumerate(example["accesses"], start=1)
        for model in Model
    ]


@pytest.mark.parametrize(("case", "model"), differences())
def test_where_the_models_differ(case: dict[str, Any], model: Model) -> None:
    kind = case.get("kind", "KubeArmorPolicy")
    policies = [policy(spec, f"p{index}", kind) for index, spec in enumerate(case["policies"])]
    workload = NODE if kind == "KubeArmorHostPolicy" else POD
    posture = POSTURES[case.get("posture", "block")]
    decision = decide(model, policies, workload, posture, parse_access(case["access"]))
    assert decision.verdict == case[model.value], case["why"]


@pytest.mark.parametrize(("specs", "case", "model"), worked_examples())
def test_worked_examples(specs: list[dict[str, Any]], case: dict[str, Any], model: Model) -> None:
    policies = [policy(spec, f"p{index}") for index, spec in enumerate(specs)]
    decision = decide(model, policies, NGINX, POSTURES[case["posture"]], parse_access(case["access"]))
    assert decision.verdict == case[model.value], case["why"]


def test_the_data_is_complete() -> None:
    assert len(differences()) == 2 * 47
    assert len(worked_examples()) == 2 * 40


DEFAULT_BLOCK = Report("DefaultPosture", "Block", None)
DEFAULT_AUDIT = Report("DefaultPosture", "Audit", None)


@pytest.mark.parametrize("model", list(Model))
def test_posture_decides_and_reports_when_the_domain_is_allow_listed(model: Model) -> None:
    spec = {"action": "Allow", "file": {"matchPaths": [{"path": "/x", "fromSource": [{}]}]}}
    given: dict[str, Any] = {"op": "read", "target": "/y", "source": "/s"}
    assert ask(spec, model=model, posture=BLOCK, **given) == Decision(Verdict.DENIED, None, (DEFAULT_BLOCK,))
    assert ask(spec, model=model, **given) == Decision(Verdict.ALLOWED, None, (DEFAULT_AUDIT,))
    assert ask(spec, model=model, posture=BLOCK, op="exec", target="/y") == Decision(Verdict.ALLOWED, None)


@pytest.mark.parametrize("model", list(Model))
def test_each_domain_has_its_posture(model: Model) -> None:
    spec = {
        "action": "Allow",
        "process": {"matchPaths": [{"path": "/x"}]},
        "network": {"matchProtocols": [{"protocol": "nonsense"}], "matchDNSQueries": [{"domain": "."}]},
        "capabilities": {"matchCapabilities": [{"capability": "kill"}]},
    }

    def verdicts(posture: Posture) -> list[str]:
        return [
            ask(spec, model=model, posture=posture, **given).verdict.value
            for given in (
                {"op": "exec", "target": "/y"},
                {"op": "network", "type": "stream"},
                {"op": "dns", "target": "x.org"},
                {"op": "capability", "target": "setuid"},
            )
        ]

    assert verdicts(Posture(file="block")) == ["denied", "allowed", "allowed", "allowed"]
    assert verdicts(Posture(network="block")) == ["allowed", "denied", "denied", "allowed"]
    assert verdicts(Posture(capabilities="block")) == ["allowed", "allowed", "allowed", "denied"]
    assert verdicts(Posture("Block", "BLOCK", "deny")) == ["allowed"] * 4


def test_who_is_named_when_equals_deny() -> None:
    def spec(action: str, *flags: str) -> dict[str, Any]:
        return {"action": action, "file": {"matchPaths": [{"path": "/a", **dict.fromkeys(flags, True)}]}}

    given: dict[str, Any] = {"op": "write", "target": "/a"}
    requirement = ask(spec("Allow", "readOnly"), **given)
    assert requirement == Decision(
        Verdict.DENIED,
        "p0:file.matchPaths[0]",
        (Report("DefaultPosture", "Block", "p0:file.matchPaths[0]"),),
    )
    assert ask(spec("Allow", "readOnly"), spec("Allow", "readOnly"), **given) == requirement
    assert ask(spec("Allow", "readOnly"), spec("Block"), spec("Block"), **given) == Decision(
        Verdict.DENIED, "p1:file.matchPaths[0]", (Report("p1", "Block", "p1:file.matchPaths[0]"),)
    )


def test_rule_names_are_compared_as_strings() -> None:
    entries = [{"path": f"/{index}"} for index in range(2)] + [{"path": "/a"}] * 9
    spec = {"file": {"matchPaths": entries}, "action": "Allow"}
    assert ask(spec, op="read", target="/a").rule == "p0:file.matchPaths[10]"


def test_passes_go_by_name_whatever_their_action() -> None:
    block = {"action": "Block", "file": {"matchPaths": [{"path": "/a", "readOnly": True}]}}
    allow = {"action": "Allow", "file": {"matchPaths": [{"path": "/a"}]}}
    assert ask(allow, block, op="read", target="/a").rule == "p0:file.matchPaths[0]"
    assert ask(block, allow, op="read", target="/a").rule == "p0:file.matchPaths[0]"


READ_ONLY = {"readOnly": True}
OWNER = {"ownerOnly": True}
OFF_TTY = {"pts": False}


@pytest.mark.parametrize("action", ["Allow", "Block"])
@pytest.mark.parametrize(
    ("flags", "passes"),
    [
        (READ_ONLY, {("read", o, t) for o in (0, 1) for t in (0, 1)}),
        (OWNER, {(op, 1, t) for op in ("read", "write", "modify") for t in (0, 1)}),
        (OFF_TTY, {(op, o, 0) for op in ("read", "write", "modify") for o in (0, 1)}),
        ({**READ_ONLY, **OWNER}, {("read", 1, 0), ("read", 1, 1)}),
        ({**READ_ONLY, **OFF_TTY}, {("read", 0, 0), ("read", 1, 0)}),
        ({**OWNER, **OFF_TTY}, {(op, 1, 0) for op in ("read", "write", "modify")}),
    ],
)
def test_flags_are_requirements(action: str, flags: dict[str, bool], passes: set[tuple[str, int, int]]) -> None:
    spec = {"action": action, "file": {"matchPaths": [{"path": "/a", **flags}]}}
    for op in ("read", "write", "modify"):
        for owner in (0, 1):
            for tty in (0, 1):
                decision = ask(spec, op=op, target="/a", uid=1, owner_uid=owner, tty=bool(tty))
                assert (decision.verdict is Verdict.ALLOWED) is ((op, owner, tty) in passes)


@pytest.mark.parametrize(
    ("args", "passes"),
    [
        (["x", "-a"], True),
        (["x", "-b", "-a", "-a"], True),
        (["x", "-c"], False),
        (["x"], False),
        (["-a"], True),
        ([], False),
    ],
)
@pytest.mark.parametrize("model", list(Model))
def test_arguments(args: list[str], passes: bool, model: Model) -> None:
    spec = {"process": {"matchPaths": [{"path": "/x", "allowedArgs": ["-a", "-b"]}]}}
    decision = ask(spec, model=model, op="exec", target="/x", args=args)
    assert (decision.verdict is Verdict.ALLOWED) is passes


def test_kubearmor_compares_the_first_103_bytes_of_an_argument() -> None:
    def verdict(listed: str, given: str, model: Model) -> str:
        spec = {"process": {"matchPaths": [{"path": "/x", "allowedArgs": [listed]}]}}
        return ask(spec, model=model, op="exec", target="/x", args=["x", given]).verdict.value

    assert verdict("a" * 103, "a" * 110, Model.KUBEARMOR) == "allowed"
    assert verdict("a" * 103, "a" * 110, Model.HAUBERK) == "denied"
    assert verdict("\u00e9" * 51 + "a", "\u00e9" * 51 + "ab", Model.KUBEARMOR) == "allowed"
    assert verdict("a" * 104, "a" * 104, Model.KUBEARMOR) == "denied"
    assert verdict("a" * 104, "a" * 104, Model.HAUBERK) == "allowed"


def test_audit_is_a_dry_run_of_block() -> None:
    audit = {"action": "Audit", "file": {"matchDirectories": [{"dir": "/srv/", "readOnly": True}]}}
    block = {"action": "Block", "file": {"matchPaths": [{"path": "/srv/a"}]}}
    watched = Report("p0", "Audit", "p0:file.matchDirectories[0]")
    assert ask(audit, op="write", target="/srv/a") == Decision(Verdict.ALLOWED, None, (watched,))
    assert ask(audit, op="read", target="/srv/a") == Decision(Verdict.ALLOWED, None)
    both = ask(audit, block, op="write", target="/srv/a")
    assert both.verdict is Verdict.DENIED
    assert both.reports == (Report("p1", "Block", "p1:file.matchPaths[0]"), watched)
    assert ask(audit, model=Model.KUBEARMOR, op="write", target="/srv/a") == Decision(Verdict.ALLOWED, None)


def test_an_audit_rule_reports_once_whichever_requirement_fails() -> None:
    spec = {
        "action": "Audit",
        "network": {"matchProtocols": [{"protocol": "tcp,stream"}]},
        "file": {"matchPaths": [{"path": "/a", "ownerOnly": True, "pts": False}]},
    }
    assert len(ask(spec, op="network", type="stream").reports) == 1
    assert len(ask(spec, op="read", target="/a", uid=1, tty=True).reports) == 1


def test_audit_rules_do_not_allow_list_nor_compete() -> None:
    spec = {
        "file": {"matchPaths": [{"path": "/a", "action": "Audit"}], "matchDirectories": [{"dir": "/"}]},
        "action": "Block",
    }
    assert ask(spec, posture=BLOCK, op="read", target="/a").rule == "p0:file.matchDirectories[0]"


def test_an_unknown_action_does_nothing() -> None:
    spec = {"file": {"matchPaths": [{"path": "/a", "action": "Deny"}]}}
    for model in Model:
        assert ask(spec, model=model, posture=BLOCK, op="read", target="/a") == Decision(Verdict.ALLOWED, None)


def test_lower_case_actions() -> None:
    spec = {"action": "block", "file": {"matchPaths": [{"path": "/a"}]}}
    shouted = {"action": "BLOCK", "file": {"matchPaths": [{"path": "/a"}]}}
    given: dict[str, Any] = {"op": "read", "target": "/a"}
    assert [ask(spec, model=model, **given).verdict.value for model in Model] == ["denied", "denied"]
    assert [ask(shouted, model=model, **given).verdict.value for model in Model] == ["denied", "allowed"]


def test_files_without_a_path_pass_in_silence() -> None:
    spec = {
        "file": {"matchPatterns": [{"pattern": "**", "action": "Audit"}, {"pattern": "**", "action": "Block"}]},
        "action": "Allow",
    }
    assert ask(spec, posture=BLOCK, op="write", target="pipe:[1]") == Decision(Verdict.ALLOWED, None)


@pytest.mark.parametrize(
    ("domain", "target", "verdict"),
    [
        ("x.org", "x.org", "denied"),
        (".X.org.", "a.x.ORG", "denied"),
        ("x.org", "ax.org", "allowed"),
        ("db", "db.cluster.local", "denied"),
        ("db", "a.db.svc.cluster.local", "denied"),
        ("db", "db.default.svc.cluster.local", "denied"),
        ("db", "db.other.svc.cluster.local", "allowed"),
        ("a.org, x.org", "x.org", "denied"),
        ("", "x.org", "allowed"),
    ],
)
def test_domains(domain: str, target: str, verdict: str) -> None:
    spec = {"network": {"matchDNSQueries": [{"domain": "first"}, {"domain": domain}]}}
    assert ask(spec, op="dns", target=target).verdict == verdict


def test_kubearmor_knows_ten_parents_of_a_name() -> None:
    spec = {"network": {"matchDNSQueries": [{"domain": "x"}]}}
    for labels, verdict in ((10, "denied"), (11, "allowed")):
        target = "a." * labels + "x"
        assert ask(spec, model=Model.KUBEARMOR, op="dns", target=target).verdict == verdict
        assert ask(spec, op="dns", target=target).verdict == "denied"


def test_hauberk_does_not_depend_on_order() -> None:
    specs: list[dict[str, Any]] = [
        {"action": "Allow", "file": {"matchDirectories": [{"dir": "/"}, {"dir": "/a/", "readOnly": True}]}},
        {
            "action": "Block",
            "file": {"matchPatterns": [{"pattern": "/a/*"}, {"pattern": "/a/?", "ownerOnly": True}]},
        },
        {
            "action": "Audit",
            "file": {"matchDirectories": [{"dir": "/a/"}]},
            "presets": [{"name": "protectProc"}],
        },
    ]
    policies = [policy(spec, name) for spec, name in zip(specs, "abc", strict=True)]
    accesses = [
        Access("write", "/a/b"),
        Access("read", "/a/b", uid=1),
        Access("read", "/proc/1/maps", other_process=True),
    ]
    answers = {
        tuple(decide(Model.HAUBERK, order, POD, AUDIT, access) for access in accesses)
        for order in permutations(policies)
    }
    assert len(answers) == 1


def test_presets() -> None:
    def spec(name: str, action: str | None = None) -> dict[str, Any]:
        return {"presets": [{"name": name, "action": action}]}

    hits: list[tuple[str, dict[str, Any], bool]] = [
        ("filelessExec", {"op": "exec", "target": "memfd:x"}, True),
        ("filelessExec", {"op": "exec", "target": "/dev/shm/x"}, True),
        ("filelessExec", {"op": "exec", "target": "/run/shm/a/x"}, True),
        ("filelessExec", {"op": "exec", "target": "/dev/shmx"}, False),
        ("filelessExec", {"op": "read", "target": "/dev/shm/x"}, False),
        ("exec", {"op": "exec", "target": "/a", "container_exec": True, "tty": True}, True),
        ("exec", {"op": "exec", "target": "/a", "container_exec": True}, False),
        ("exec", {"op": "exec", "target": "/a", "tty": True}, False),
        ("protectEnv", {"op": "read", "target": "/proc/1/environ", "other_process": True}, True),
        ("protectEnv", {"op": "read", "target": "/proc/1/environ"}, False),
        ("protectEnv", {"op": "read", "target": "/proc/1/maps", "other_process": True}, False),
        ("protectProc", {"op": "read", "target": "/proc/1/maps", "other_process": True}, True),
        ("protectProc", {"op": "write", "target": "/proc/1/maps", "other_process": True}, False),
        ("anonymousMapExec", {"op": "map_exec"}, True),
        ("anonymousMapExec", {"op": "exec", "target": "/a"}, False),
        ("protectenv", {"op": "read", "target": "/proc/1/environ", "other_process": True}, False),
    ]
    name = "p0:presets[0]"
    for model in Model:
        for preset, given, hit in hits:
            silent = Decision(Verdict.ALLOWED, None)
            denied = Decision(Verdict.DENIED, name, (Report("p0", "Block", name),))
            watched = Decision(Verdict.ALLOWED, None, (Report("p0", "Audit", name),))
            assert ask(spec(preset), model=model, **given) == (denied if hit else silent)
            assert ask(spec(preset, "Allow"), model=model, **given) == (denied if hit else silent)
            assert ask(spec(preset, "Audit"), model=model, posture=BLOCK, **given) == (watched if hit else silent)


def test_presets_deny_what_rules_let_pass() -> None:
    spec = {
        "action": "Allow",
        "process": {"matchPaths": [{"path": "/dev/shm/x"}]},
        "presets": [{"name": "filelessExec"}],
    }
    for model in Model:
        assert ask(spec, model=model, op="exec", target="/dev/shm/x").rule == "p0:presets[0]"


def test_map_exec_knows_nothing_but_its_preset() -> None:
    spec = {
        "action": "Allow",
        "process": {"matchDirectories": [{"dir": "/", "recursive": True, "action": "Block"}]},
    }
    for model in Model:
        assert ask(spec, model=model, posture=BLOCK, op="map_exec") == Decision(Verdict.ALLOWED, None)


def test_all_is_written_after_the_protocols_of_its_document() -> None:
    def verdict(*entries: dict[str, Any], source: str = "/s") -> str:
        spec = {"action": "Block", "network": {"matchProtocols": list(entries)}}
        return ask(spec, model=Model.KUBEARMOR, op="network", type="stream", source=source).verdict.value

    allow, block = {"protocol": "all", "action": "Allow"}, {"protocol": "ALL"}
    sourced = {"fromSource": [{"path": "/s"}]}
    assert verdict(allow, {"protocol": "stream"}) == "allowed"
    assert verdict(allow, block) == "denied"
    assert verdict(block, allow) == "allowed"
    assert verdict(block, allow, block) == "allowed"
    assert verdict({**block, **sourced}, {**allow, **sourced}) == "denied"
    assert verdict({**allow, **sourced}, block) == "allowed"
    assert verdict(allow, {**block, "fromSource": [{}]}) == "denied"
    assert verdict({"protocol": "all", "pts": False}) == "denied"


def test_kubearmor_keys_are_strings_wherever_they_were_written() -> None:
    def verdict(target: str, **entry: Any) -> str:
        return ask({"process": entry}, model=Model.KUBEARMOR, op="exec", target=target).verdict.value

    assert verdict("/usr/bin/ls", matchPaths=[{"path": "ls"}]) == "denied"
    assert verdict("/usr/bin/ls", matchPaths=[{"execname": "/usr/bin/ls"}]) == "denied"
    assert verdict("/usr/bin", matchDirectories=[{"dir": "/usr/bin/x"}]) == "denied"
    assert verdict("/usr/bin/x", matchDirectories=[{"dir": "/usr/bin/x"}]) == "denied"
    assert verdict("/usr/bin/x/y", matchDirectories=[{"dir": "/usr/bin/x"}]) == "allowed"
    slash = [{"path": "/a/", "action": "Allow"}]
    assert verdict("/a/b", matchPaths=slash, matchDirectories=[{"dir": "/a/"}]) == "denied"


def test_lost_sources_in_kubearmor() -> None:
    def verdict(op: str, source: str | None = None, **flags: Any) -> str:
        spec = {
            "file": {
                "matchPaths": [{"path": "/a", "action": "Block", **flags}],
                "matchDirectories": [{"dir": "/", "recursive": True}],
            },
            "action": "Allow",
        }
        return ask(spec, model=Model.KUBEARMOR, op=op, target="/a", source=source, uid=1, tty=True).verdict.value

    assert [verdict(op) for op in ("read", "write", "modify")] == ["allowed"] * 3
    assert [verdict(op, "/s") for op in ("read", "write", "modify")] == ["denied"] * 3
    assert [verdict(op, ownerOnly=True) for op in ("read", "write", "modify")] == [
        "denied",
        "denied",
        "allowed",
    ]
    assert verdict("modify", ownerOnly=True, pts=False) == "denied"
    assert [verdict(op, pts=False) for op in ("read", "write", "modify")] == ["denied"] * 3


def test_kubearmor_writes_on_a_tty_need_more_than_reads() -> None:
    def verdict(op: str, **flags: Any) -> str:
        spec = {"file": {"matchPaths": [{"path": "/a", **flags}]}, "action": "Allow"}
        return ask(spec, model=Model.KUBEARMOR, op=op, target="/a", tty=True).verdict.value

    assert verdict("read", ownerOnly=True, pts=False) == "allowed"
    assert verdict("write", ownerOnly=True, pts=False) == "denied"


def test_a_list_is_compiled_once_for_each_class_of_sources() -> None:
    entries = [{"path": "/a", "fromSource": [{"path": "/s"}]}, {"path": "/b"}]
    chosen = policy({"file": {"matchPaths": entries}})
    compiled = compile_policies(Model.HAUBERK, [chosen], POD, AUDIT)
    assert isinstance(compiled, Compiled)
    assert compiled.source_classes("read") == (None, "/s")
    assert compiled.source_classes("exec") == (None,)
    assert compiled.source_class(Access("read", "/a", "/t")) is None
    others = compiled.list_of("read", None)
    assert compiled.list_of("read", None) is others
    assert [entry.rule for entry in others.entries if entry.rule] == ["p:file.matchPaths[1]"]
    assert [entry.rule for entry in compiled.list_of("read", "/s").entries if entry.rule] == [
        "p:file.matchPaths[0]",
        "p:file.matchPaths[1]",
    ]
    kubearmor = compile_policies(Model.KUBEARMOR, [chosen], POD, AUDIT)
    assert kubearmor.source_classes("read") == (None, "", "/s")


def test_policies_that_do_not_select_are_left_out() -> None:
    here, there = (
        policy({"file": {"matchPaths": [{"path": "/a"}]}}),
        policy({"selector": {"matchLabels": {"no": "x"}}}),
    )
    assert compile_policies(Model.HAUBERK, [there, here], POD, AUDIT).policies == (here,)
