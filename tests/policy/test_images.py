"""Which image a manifest means."""

from __future__ import annotations

import pytest

from hauberk.policy.images import Images, Reference
from support.images import Memory


@pytest.mark.parametrize(
    ("given", "written", "same"),
    [
        ("nginx", "nginx", True),
        ("nginx", "nginx:1.27", True),
        ("nginx", "nginx@sha256:00", True),
        ("nginx", "nginx:1.27@sha256:00", True),
        ("nginx:1.27", "nginx:1.27", True),
        ("nginx:1.27", "nginx:1.27@sha256:00", True),
        ("nginx:1.27", "nginx:1.26", False),
        ("nginx:1.27", "nginx", False),
        ("nginx@sha256:00", "nginx@sha256:01", False),
        ("registry:5000/web", "registry:5000/web:1", True),
        ("registry:5000/web", "registry:5000/other", False),
        ("web", "registry/web", False),
    ],
)
def test_names(given: str, written: str, *, same: bool) -> None:
    assert Reference.parse(given).covers(Reference.parse(written)) is same


def test_the_name_that_says_most_is_taken() -> None:
    images = Images({"web": Memory({}), "web:2": Memory({})})
    assert [found and found[0] for found in map(images.of, ("web:1", "web:2", "other", ""))] == [
        "web",
        "web:2",
        None,
        None,
    ]
