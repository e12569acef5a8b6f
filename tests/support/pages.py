"""What stands in a page of ours."""

from __future__ import annotations

import json
import re
from typing import Any


def page_data(page: str) -> dict[str, Any]:
    """The data of a matrix page."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data
