"""YAML blocks of Markdown."""

from __future__ import annotations

from hauberk.cli.markdown import blocks


def test_a_block_ends_at_its_fence_whatever_the_line_ends() -> None:
    text = "# head\n```yaml\na: 1\n```\nprose: [\n"
    assert list(blocks(text)) == [("a: 1\n", 2, 0)]
    assert list(blocks(text.replace("\n", "\r\n"))) == [("a: 1\r\n", 2, 0)]
