"""Containers in guests are as on a node: a runtime, an overlay of an image, namespaces and a cgroup of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.container import NGINX, Container, Image, running
from support.guest import Guest
from support.keeper import Keeper

pytestmark = pytest.mark.guest

IMAGE = Image(NGINX, files={"/etc/nginx/extra": b"of the image"}, volumes={"/data": "/mnt/ext4/data"})


@pytest.fixture(scope="module")
def web(keeper: Keeper) -> Iterator[Container]:
    with running(keeper.guest(), "web", IMAGE) as found:
        yield found


def test_nginx_serves(web: Container) -> None:
    assert web.status() == 200
    assert web.status("/nothing") == 404


def test_commands_run_in_it(web: Container) -> None:
    done = web.exec(["bash", "-c", "cat; echo err >&2; exit 3"], input=b"in")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"in", b"err\n")
    assert web.exec(["id", "-u"], user=1000).text == "1000\n"


def test_a_command_goes_on_in_it(web: Container) -> None:
    started = web.start(["bash", "-c", "read line; echo got $line"], input=None)
    started.send(b"it\n")
    assert started.wait().stdout == b"got it\n"


def test_its_root_is_an_overlay_and_its_volume_is_not(web: Container) -> None:
    assert web.exec(["stat", "-f", "-c", "%T", "/", "/data"]).text.split() == ["overlayfs", "ext2/ext3"]
    assert web.exec(["cat", "/etc/nginx/extra"]).text == "of the image"
    web.exec(["bash", "-c", "echo a >/etc/made && echo b >/data/made"]).checked()
    assert web.guest.get("/mnt/ext4/data/made") == b"b\n"
    with pytest.raises(FileNotFoundError):
        web.guest.get("/etc/made")


def test_its_namespaces_are_its_own(web: Container) -> None:
    kinds = ["pid", "mnt", "net", "ipc", "uts"]
    theirs = web.exec(["readlink", *(f"/proc/1/ns/{kind}" for kind in kinds)]).text.split()
    first = web.guest.run(["readlink", *(f"/proc/{web.pid}/ns/{kind}" for kind in kinds)]).text.split()
    guests = web.guest.run(["readlink", *(f"/proc/1/ns/{kind}" for kind in kinds)]).text.split()
    assert theirs == first
    assert not set(theirs) & set(guests)


def test_its_cgroup_is_known(web: Container) -> None:
    assert str(web.pid) in web.guest.get(f"{web.cgroup}/cgroup.procs").decode().split()
    assert web.exec(["cat", "/proc/self/cgroup"]).text == f"0::{web.cgroup.removeprefix('/sys/fs/cgroup')}\n"


def test_two_at_a_time_and_nothing_is_left(guest: Guest) -> None:
    script = Image(["bash", "-c", "echo hello; exec sleep infinity"])
    with running(guest, "one", script) as one, running(guest, "two") as two:
        assert one.exec(["hostname"]).text == "one\n"
        assert two.exec(["hostname"]).text == "two\n"
        assert one.log == "hello\n"
    left = guest.run(["bash", "-c", "ls /run/containers /sys/fs/cgroup/hauberk; cat /proc/mounts"]).checked()
    assert "one" not in left.split()
    assert "/run/containers/two" not in left


def test_one_that_cannot_start_says_why(guest: Guest) -> None:
    with pytest.raises(AssertionError, match="/nothing"), running(guest, "failed", Image(["/nothing"])):
        pass
    with running(guest, "failed"):
        pass
