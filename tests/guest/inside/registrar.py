"""Runs in a guest: registers the cgroups that hooks of a runtime name, see hook.c, with what is pinned.

usage: python3 registrar.py SOCKET SLOT
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from hauberk.enforcer.kernel import loader
from hauberk.enforcer.kernel.maps import Kernel


def main() -> None:
    path, slot = sys.argv[1:]
    kernel = Kernel(loader.adopt())
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        print("ready", flush=True)
        while True:
            connection, _ = listening.accept()
            with connection:
                group = b""
                while part := connection.recv(4096):
                    group += part
                kernel.register(Path(group.decode()), int(slot))
                connection.sendall(b"y")


main()
