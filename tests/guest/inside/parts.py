"""Loads programs in parts: once, once with a part that fails, and once more; says what was there after each, as JSON.

usage: python3 parts.py OBJECT
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Collection, Mapping
from pathlib import Path

from hauberk.enforcer.kernel import loader, making
from hauberk.enforcer.kernel.errors import KernelError
from hauberk.enforcer.kernel.libbpf import Map, Object

WORKERS = 3
loaded = making.loaded
parts: list[Collection[str]] = []


def failing(object_file: Path, maps: Mapping[str, Map], names: Collection[str]) -> Object:
    """The kernel has verified the others by then."""
    parts.append(names)
    if "hauberk_exec" in names:
        time.sleep(2)
        raise KernelError(12, "load the programs")
    return loaded(object_file, maps, names)


def there() -> dict[str, object]:
    return {
        "attached": loader.attached(),
        "programs": loader.program_ids(),
        "beside": sorted(path.name for path in loader.PINS.parent.iterdir()),
    }


def main() -> None:
    object_file = Path(sys.argv[1])
    found: dict[str, object] = {}
    loader.load(object_file, workers=WORKERS).close()
    found["first"], before = there(), loader.program_ids()
    making.loaded = failing
    try:
        loader.load(object_file, workers=WORKERS).close()
    except KernelError as error:
        found["said"] = error.line
    finally:
        making.loaded = loaded
    found["parts"] = [sorted(part) for part in parts]
    found["failed"] = there()
    loader.load(object_file, workers=WORKERS).close()
    found["again"] = there()
    end = time.monotonic() + 60
    while loader.still_loaded(before) and time.monotonic() < end:
        time.sleep(0.2)
    found["left"] = loader.still_loaded(before)
    loader.unload()
    print(json.dumps(found))


main()
