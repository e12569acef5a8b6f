"""Readers of untrusted text: any bytes, any words of YAML, any text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hauberk.policy.documents import decode
from policy.fuzz import (
    check,
    check_position,
    check_problem_facts,
    inputs,
    rows_of,
)


@inputs(4000)
@given(data=st.binary(max_size=60))
def test_any_bytes(data: bytes) -> None:
    decoded = decode(data)
    if isinstance(decoded, str):
        check(decoded)
    else:
        check_position(decoded.position, rows_of(data.decode("utf-8", "replace")))  # type: ignore[arg-type]
        check_problem_facts([decoded])


YAML_WORDS = st.sampled_from(
    [
        *"\n\n\n \t:-?,[]{}#&*!|>'\"%@`~\r\x85\u2028\ufeff\0\x1f\u00e9\U0001f600a1",
        *[
            "  ",
            ": ",
            "- ",
            "? ",
            "\n  ",
            "\n- ",
            "---\n",
            "...\n",
            "\n---\n",
            "&a ",
            "*a",
            "<<: ",
            "!!str ",
            "!x ",
            "{{ .Values }}",
        ],
        *[
            "kind: List\nitems:\n",
            "a: ",
            "b: 1",
            "|-\n",
            ">\n",
            "\\u0041",
            "1e999",
            ".nan",
            "0x",
            "1_",
            "-",
            "%YAML 1.2\n---\n",
        ],
        *[
            "kind: KubeArmorPolicy\n",
            "spec:\n",
            "metadata:\n",
            "\\ud83d",
            "=",
            "y",
            "~",
            "0o8",
            "089",
            "2020-01-01",
            "1:30",
        ],
    ]
)


@inputs(5000)
@given(words=st.lists(YAML_WORDS, max_size=14))
def test_any_words_of_yaml(words: list[str]) -> None:
    check("".join(words))


@inputs(1000)
@given(text=st.text(max_size=40))
def test_any_text(text: str) -> None:
    check(text)
