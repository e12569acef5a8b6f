"""Runs in a guest: connections to a port of its own go to that port of the machine that the guest runs on.

usage: python3 forward.py PORT
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading

MACHINE = "10.0.2.2"


def copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()
        target.close()


def main() -> None:
    port = int(sys.argv[1])
    for command in ("link set lo up", "link set eth0 up", "addr add 10.0.2.15/24 dev eth0"):
        subprocess.run(["ip", *command.split()], check=True)
    with socket.create_server(("127.0.0.1", port)) as server:
        print("ready", flush=True)
        while True:
            ours, _ = server.accept()
            try:
                theirs = socket.create_connection((MACHINE, port), 10)
            except OSError:
                ours.close()
                continue
            theirs.settimeout(None)
            for pair in ((ours, theirs), (theirs, ours)):
                threading.Thread(target=copy, args=pair, daemon=True).start()


main()
