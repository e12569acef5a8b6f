"""Waits between attempts, of many nodes at once."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Waits that grow and are spread: each is between `least` and three times the one before."""

    least: float = 0.5
    most: float = 60.0
    chance: Callable[[float, float], float] = random.uniform
    _last: float = 0.0

    def next(self) -> float:
        self._last = min(self.most, self.chance(self.least, max(self.least, self._last * 3)))
        return self._last

    def reset(self) -> None:
        self._last = 0.0
