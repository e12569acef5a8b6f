"""The system's `libbpf.so.1`, typed; each failure is an exception.

It is loaded when this is imported for the first time, so import it late.
"""

from hauberk.enforcer.kernel.libbpf.maps import INNER_MAP, MAP_ARRAY, MAP_HASH, Map, processors
from hauberk.enforcer.kernel.libbpf.objects import (
    Link,
    Object,
    Ring,
    about_program,
    is_loaded,
    program_of_link,
    version,
)

__all__ = [
    "INNER_MAP",
    "MAP_ARRAY",
    "MAP_HASH",
    "Link",
    "Map",
    "Object",
    "Ring",
    "about_program",
    "is_loaded",
    "processors",
    "program_of_link",
    "version",
]
