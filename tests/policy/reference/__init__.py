"""A second evaluator of both models, for differential tests: naive, slow, and written from the text alone.

Nothing here is shared with `hauberk.policy` but the values of an access. Every clause carries its section in a
comment; where the text leaves room, the comment says "unsaid" and what was chosen. Policies are raw documents.
"""

from __future__ import annotations

from hauberk.policy.model import Access, Posture, Workload
from policy.reference.hauberk import hauberk, matches, rank
from policy.reference.kubearmor import kubearmor
from policy.reference.patterns import MalformedError, parse_sequence, pattern_matches
from policy.reference.reading import DOMAINS, Document, Outcome, entries
from policy.reference.selection import selects

__all__ = [
    "DOMAINS",
    "Document",
    "MalformedError",
    "Outcome",
    "entries",
    "evaluate",
    "matches",
    "parse_sequence",
    "pattern_matches",
    "rank",
    "selects",
]


def evaluate(model: str, policies: list[Document], workload: Workload, posture: Posture, access: Access) -> Outcome:
    if model == "hauberk":
        return hauberk(policies, workload, posture, access)
    return kubearmor(policies, workload, posture, access)
