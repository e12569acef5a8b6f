"""What running policy tests gave: the values between `hauberk test` and its output."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Checked:
    """One expectation, by one model. `wrong` says how the answer differs, "" when it holds; `rule` is what decided."""

    test: str
    path: str
    line: int
    what: str
    model: str
    wrong: str
    rule: str | None


@dataclass(slots=True)
class TestRun:
    """`uncovered` are rules, with their places, that decided none of the accesses; `broken`, tests that cannot run."""

    __test__ = False  # a value, not a test of ours

    checked: list[Checked] = field(default_factory=list[Checked])
    broken: list[str] = field(default_factory=list[str])
    rules: int = 0
    uncovered: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    @property
    def failed(self) -> list[Checked]:
        return [one for one in self.checked if one.wrong]
