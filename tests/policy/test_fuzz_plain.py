"""Readers of untrusted text: plain data is read as it was written."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from policy.fuzz import (
    check,
    inputs,
)

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"]), max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.from_regex(r"[A-Za-z/~ .-]{1,8}", fullmatch=True), inner, max_size=4)
    ),
    max_leaves=12,
)


@inputs(3000)
@given(data=PLAIN, flow=st.sampled_from([None, True, False]), style=st.sampled_from([None, "'", '"', "|", ">"]))
def test_plain_data_is_read_as_it_was_written(data: Any, flow: bool | None, style: str | None) -> None:
    text = yaml.dump(
        data, Dumper=Quoting, default_flow_style=flow, default_style=style, allow_unicode=True, sort_keys=False
    )
    if "{{" in text:
        return
    expected = list(yaml.load_all(text, yaml.CSafeLoader))
    assert expected == [data]
    parsed = check(text)
    assert not parsed.problems
    if data is None:
        assert not parsed.documents
    else:
        assert [document.data for document in parsed.documents] == [data]
        assert not parsed.documents[0].problems


class Quoting(yaml.SafeDumper):
    """Quotes every text, as the two readers differ about plain ones (`y`, `1:30`), and numbers only when asked."""


def quoted(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = dumper.default_style or '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


Quoting.add_representer(str, quoted)
