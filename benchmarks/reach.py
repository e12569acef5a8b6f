"""Time and memory of the exact searches: reachability and comparison of many rules in one workload.

usage: python benchmarks/reach.py [--rules 10000] [--runs 3] [--model hauberk|kubearmor]

Each case runs in a process of its own, so that its peak memory is its own. Nothing here is a test: no time is
asserted.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "policy"), str(ROOT / "cli"), str(ROOT / "benchmarks")]

import generated  # noqa: E402
import yaml  # noqa: E402

from hauberk.policy.compare import compare  # noqa: E402
from hauberk.policy.decision import compile_policies  # noqa: E402
from hauberk.policy.exact import Group, answers  # noqa: E402
from hauberk.policy.model import Model, Policy, Posture, Workload  # noqa: E402
from hauberk.policy.parse import parse_policy  # noqa: E402
from hauberk.policy.reach import reach  # noqa: E402

POD = Workload("default", (("app", "w"),), "c")
POSTURE = Posture("block", "block", "block")
TOPS = ("etc", "usr", "var", "opt", "home", "proc", "sys", "bin", "srv", "tmp")
WORDS = ("nginx", "bin", "lib", "log", "conf.d", "ssl", "cron.d", "cache", "run", "share")
CASES = (
    "prefix-like",
    "leading **",
    "one source in ten",
    "execnames",
    "allow only",
    "hostile",
    "compare",
    "grouped",
    "everything",
)
_DIRECTORIES, _FILES, _PATTERNS = 0.25, 0.8, 0.98


class Maker:
    """Rules whose names collide as real ones do: some words are everywhere, others are numbered."""

    def __init__(self, count: int) -> None:
        self.random = random.Random(7)  # noqa: S311  chance here is no secret
        self.count = count

    def word(self) -> str:
        if self.random.random() < 0.5:
            return self.random.choice(WORDS)
        return f"{self.random.choice(('app', 'svc', 'data', 'x'))}{self.random.randrange(max(3, self.count // 4))}"

    def directory(self) -> str:
        depth = self.random.choice((0, 1, 1, 2, 2, 3))
        return "/".join(["", self.random.choice(TOPS), *(self.word() for _ in range(depth))])

    def rule(self, case: str) -> tuple[str, dict[str, Any]]:
        share = self.random.random()
        action = "Allow" if case == "allow only" else self.random.choice(("Allow", "Block", "Audit"))
        rule: dict[str, Any] = {"action": action}
        if share < _DIRECTORIES:
            name = "matchDirectories"
            rule.update(dir=self.directory() + "/", recursive=self.random.random() < 0.8)
        elif share < _FILES:
            name = "matchPaths"
            rule["path"] = f"{self.directory()}/{self.word()}"
        elif share < _PATTERNS or case != "leading **":
            name = "matchPatterns"
            ends = ("**", "*", "*.conf", "*.so", "*.log", "**/*.conf", "*/run")
            rule["pattern"] = f"{self.directory()}/{self.random.choice(ends)}"
        else:
            name = "matchPatterns"
            starts = (f"/**/{self.word()}", "/**/*.sh", f"/{{usr,opt}}/*/{self.word()}", f"/**/{self.word()}/*.py")
            rule["pattern"] = self.random.choice(starts)
        if case == "one source in ten" and name != "matchPatterns" and self.random.random() < 0.1:
            rule["fromSource"] = [{"path": f"/usr/bin/tool{self.random.randrange(20)}"}]
        if case == "execnames" and self.random.random() < 0.1:
            rule = {"action": action, "execname": self.word()}
            name = "matchPaths"
        if self.random.random() < 0.1 and name != "matchPatterns":
            rule[self.random.choice(("ownerOnly", "readOnly" if case != "execnames" else "ownerOnly"))] = True
        return name, rule

    def policies(self, case: str) -> list[Policy]:
        section = "process" if case == "execnames" else "file"
        policies: list[Policy] = []
        for number in range(max(1, self.count // 20)):
            lists: dict[str, list[dict[str, Any]]] = {}
            for _ in range(20):
                name, rule = self.rule(case)
                lists.setdefault(name, []).append(rule)
            document = {"kind": "KubeArmorPolicy", "metadata": {"name": f"p{number}"}, "spec": {section: lists}}
            policy = parse_policy(document)
            if policy is not None:
                policies.append(policy)
        return policies


def hostile() -> list[Policy]:
    patterns = [f"/**x{'?' * 20}", *(f"/**/*a{n}b*.so" for n in range(20)), "/" + "{a,b}*" * 40]
    rules = [{"pattern": pattern, "action": "Block"} for pattern in patterns]
    directories = [{"dir": f"/srv/{n}/", "recursive": True, "action": "Allow"} for n in range(100)]
    spec = {"file": {"matchPatterns": rules, "matchDirectories": directories}}
    policy = parse_policy({"kind": "KubeArmorPolicy", "metadata": {"name": "hostile"}, "spec": spec})
    return [] if policy is None else [policy]


def grouped(count: int) -> dict[str, Any]:
    """`count` policies of 20 rules, each for a workload of its own, under both models; in one process."""
    loaded = (yaml.load(generated.policy(number), Loader=yaml.CSafeLoader) for number in range(count))
    policies = [policy for policy in map(parse_policy, loaded) if policy is not None]
    gc.disable()
    gc.freeze()
    begin = time.perf_counter()
    dead = 0
    for number, policy in enumerate(policies):
        workload = Workload(policy.namespace, policy.selector.match_labels)
        for model in Model:
            found = reach(model, [policy], workload, POSTURE)
            dead += sum(one.standing == "unreachable" for one in found)
        if number % 64 == 0:
            gc.collect()
    seconds = time.perf_counter() - begin
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "mebibytes": memory, "policies": len(policies), "unreachable": dead}


def everything(count: int) -> dict[str, Any]:
    """All that lint asks about one workload under both models, with programs of their own for some rules."""
    policies = Maker(count).policies("one source in ten")
    numbers = tuple(range(len(policies)))
    group = Group(numbers, (True,) * len(policies), (True,) * len(policies), POSTURE, POD.namespace)
    gc.disable()
    begin = time.perf_counter()
    found = answers(group, policies, POD)
    seconds = time.perf_counter() - begin
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = sum(len(side) for side in found.reach.values())
    return {"seconds": seconds, "mebibytes": memory, "told": told, "inconclusive": len(found.inconclusive)}


def measure(case: str, count: int, model: Model) -> dict[str, Any]:
    if case == "grouped":
        return grouped(count)
    if case == "everything":
        return everything(count)
    policies = hostile() if case == "hostile" else Maker(count).policies(case)
    # as the commands do: nothing here makes cycles
    gc.disable()
    begin = time.perf_counter()
    if case == "compare":
        last = policies[-1]
        after = [*policies[:-1], replace(last, rules=last.rules[1:])]
        sides = [compile_policies(model, side, POD, POSTURE) for side in (policies, after)]
        result = compare(*sides)
        found = {"changes": len(result.changes), "inconclusive": len(result.inconclusive)}
    else:
        findings = reach(model, policies, POD, POSTURE)
        found = {}
        for finding in findings:
            found[finding.standing] = found.get(finding.standing, 0) + 1
        found["redundant"] = sum(finding.redundant is True for finding in findings)
        found["redundant unknown"] = sum(finding.redundant is None for finding in findings)
    seconds = time.perf_counter() - begin
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "mebibytes": memory, **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--model", choices=list(Model), type=Model, default=Model.HAUBERK)
    parser.add_argument("--case", choices=CASES, help="one case, once, as JSON")
    given = parser.parse_args()
    if given.case:
        print(json.dumps(measure(given.case, given.rules, given.model)))
        return
    print(f"{given.rules} rules, the {given.model} model, medians of {given.runs} runs")
    for case in CASES:
        command = [sys.executable, __file__, "--case", case, "--rules", str(given.rules), "--model", given.model]
        rows = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(given.runs)]
        seconds = statistics.median(row.pop("seconds") for row in rows)
        memory = max(row.pop("mebibytes") for row in rows)
        found = ", ".join(f"{name} {number}" for name, number in rows[0].items())
        print(f"{case:20} {seconds:7.2f} s {memory:6.0f} MiB   {found}", flush=True)


if __name__ == "__main__":
    main()
