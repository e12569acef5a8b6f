"""A PolicyTest's document becomes questions, or says what is wrong with it and where."""

from __future__ import annotations

from hauberk.policy.documents import read
from hauberk.policy.model import Access, Decision, Model, Posture, Report, Verdict
from hauberk.policy.policytest import Expectation, PolicyTest, differences, is_test, read_test
from hauberk.policy.repository import Repository

HEAD = """\
apiVersion: hauberk.dev/v1alpha1
kind: PolicyTest
metadata: {name: one}
spec:
  given: {namespace: ns, labels: {app: x}, posture: block}
  expect:
"""


def asked(text: str) -> tuple[PolicyTest | None, list[str]]:
    (document,) = read(text).documents
    assert is_test(document)
    return read_test(document, "t.yaml", Repository([]), Posture())


def test_an_expectation_is_an_access() -> None:
    test, broken = asked(f"{HEAD}    - {{read: /a, from: /bin/cat, owner: 7, verdict: denied, model: hauberk}}\n")
    assert broken == []
    assert test is not None
    assert (test.target.workload.namespace, test.posture) == ("ns", Posture("block", "block", "block"))
    (expected,) = test.expectations
    access = Access("read", "/a", source="/bin/cat", parent_source="/bin/cat", owner_uid=7)
    assert expected == Expectation(access, "denied", None, (Model.HAUBERK,), "read /a from /bin/cat", 7)


def test_what_is_wrong_has_its_place_and_the_rest_is_asked() -> None:
    test, broken = asked(f"{HEAD}    - {{read: a, verdict: denied}}\n    - {{read: /a, verdict: denied}}\n")
    assert test is not None
    assert [one.line for one in test.expectations] == [8]
    assert broken == ["t.yaml:7:7: --read a: the kernel shows no such path: give it from the root, such as /usr/bin/ls"]
    test, broken = asked(f"{HEAD}    - {{read: /a, verdict: maybe}}\n")
    assert test is None
    assert broken[0].startswith("t.yaml:7:27: ")
    test, broken = asked(
        HEAD.replace("namespace: ns, labels: {app: x}", "workload: x") + "    - {read: /, verdict: denied}\n"
    )
    assert test is None
    assert broken[0].startswith("t.yaml:5:10: x: no such workload")


def test_differences_in_words() -> None:
    expected = Expectation(Access("read", "/a"), "denied", "p", (Model.HAUBERK,), "read /a", 1)
    report = Report("p", "Block", "p:file.matchPaths[0]")
    assert list(differences(expected, Decision(Verdict.DENIED, report.rule, (report,)))) == []
    allowed = Decision(Verdict.ALLOWED, None)
    said = ["allowed as no rule decides, expected denied", "reported: nothing, expected p"]
    assert list(differences(expected, allowed)) == said
    assert next(differences(expected, allowed, nobody="")) == "allowed, expected denied"
