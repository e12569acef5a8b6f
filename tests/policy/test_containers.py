"""What a manifest says about its containers."""

from __future__ import annotations

from typing import Any

from hauberk.policy.containers import Command, Container, containers_of


def test_all_that_is_started() -> None:
    entry: dict[str, Any] = {
        "name": "web",
        "image": "web:1",
        "command": ["/app"],
        "args": ["-p", 80],
        "workingDir": "/srv",
        "env": [{"name": "PATH", "value": "/opt/bin"}, {"name": "SECRET", "valueFrom": {}}],
        "volumeMounts": [{"name": "v", "mountPath": "/var/lib/x"}, {"name": "w", "mountPath": "relative"}],
        "livenessProbe": {"exec": {"command": ["ls"]}},
        "readinessProbe": {"httpGet": {"port": 80}},
        "lifecycle": {"preStop": {"exec": {"command": ["/bin/stop"]}}, "postStart": None},
    }
    assert containers_of([entry]) == (
        Container(
            "web",
            "web:1",
            ("/app",),
            ("-p", "80"),
            "/opt/bin",
            "/srv",
            ("/var/lib/x",),
            (
                Command("livenessProbe.exec.command", ("ls",)),
                Command("lifecycle.preStop.exec.command", ("/bin/stop",)),
            ),
        ),
    )


def test_anything_else_is_taken_calmly() -> None:
    assert containers_of(None) == containers_of([3, {}, {"name": 1}]) == ()
    strange: dict[str, Any] = {
        "name": "x",
        "image": 3,
        "command": "sh",
        "args": [],
        "env": "e",
        "lifecycle": [],
        "volumeMounts": [1],
    }
    assert containers_of([strange]) == (Container("x"),)
