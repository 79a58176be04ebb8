"""The folders of this machine that a daemon is asked to mount."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataops_lab.domain.environments import Mount
from dataops_lab.errors import Refused
from dataops_lab.executors.docker import Daemon, MountPolicy

ABOVE_ALL = ["/"]
"""The roots of an administrator who allows everything, and still does not give the host away."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A root that is allowed."""
    (tmp_path / "data" / "in").mkdir(parents=True)
    return tmp_path / "data"


@pytest.fixture
def allowed(data: Path, tmp_path: Path) -> Callable[..., Mount]:
    (tmp_path / "state" / "runs").mkdir(parents=True)

    def ask(
        source: str | Path, target: str = "/data", roots: list[str] | None = None, host: str | None = None
    ) -> Mount:
        policy = MountPolicy([str(data)] if roots is None else roots, protected=[tmp_path / "state"])
        (mount,) = Daemon(host or "unix:///var/run/docker.sock", mounts=policy).resolve_mounts(
            [Mount(str(source), target)]
        )
        return mount

    return ask


@pytest.fixture
def listening(data: Path) -> Iterator[Path]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(data / "a.sock"))
        yield data / "a.sock"


def test_a_folder_below_a_root_is_mounted_under_the_one_spelling_of_its_path(allowed, data):
    assert allowed(f"/{data}/./in/", "//data/") == Mount(str(data / "in"), "/data")
    assert allowed(data).source == str(data)


def test_a_link_is_followed_here_so_that_the_daemon_finds_none(allowed, data):
    (data / "link").symlink_to(data / "in")
    assert allowed(data / "link").source == str(data / "in")


def test_a_root_that_is_a_link_allows_what_it_leads_to(allowed, data, tmp_path):
    (tmp_path / "root").symlink_to(data)
    assert allowed(tmp_path / "root" / "in", roots=[str(tmp_path / "root")]).source == str(data / "in")


@pytest.mark.parametrize("source", ["/opt/data", "/srv", "/etc", "/root", "//opt", "relative", "{}/../x", "{}-beside"])
def test_what_lies_below_no_root_is_refused_with_what_allows_it(allowed, data, source):
    with pytest.raises(Refused) as refused:
        allowed(source.format(data))
    assert refused.value.precise_code == "mount_refused"
    if "relative" not in source and ".." not in source:
        assert "DATAOPS_LAB_MOUNT_ROOTS" in refused.value.message


@pytest.mark.parametrize("target", ["/var/run", "/var/run/docker.sock", "/etc", "/proc/1/root", "/"])
def test_a_link_that_leads_out_of_the_roots_is_refused(allowed, data, target):
    (data / "link").symlink_to(target)
    for source in (data / "link", data / "link" / "below"):
        with pytest.raises(Refused):
            allowed(source)


@pytest.mark.parametrize(
    "source",
    [
        *("/", "//", "/var/run", "//var/run", "//var/run/docker.sock", "/./run", "/run/user/1000/docker.sock", "/var"),
        *("/var/lib", "/var/lib/docker/volumes", "/proc/1/root", "/sys", "/dev/shm"),
    ],
)
def test_what_opens_the_host_is_refused_whatever_an_administrator_allows(allowed, source):
    with pytest.raises(Refused):
        allowed(source, roots=ABOVE_ALL)


def test_neither_the_state_folder_nor_what_is_around_or_in_it_is_mounted(allowed, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "state")
    for source in (tmp_path, tmp_path / "state", tmp_path / "state" / "runs", tmp_path / "link"):
        with pytest.raises(Refused, match="state of this installation"):
            allowed(source, roots=ABOVE_ALL)


def test_no_socket_pipe_or_device_is_mounted_and_no_folder_with_the_socket_of_the_daemon(allowed, data, listening):
    os.mkfifo(data / "pipe")
    for source in (listening, data / "pipe"):
        with pytest.raises(Refused, match="neither a folder nor a file"):
            allowed(source)
    for source in (data, listening):
        with pytest.raises(Refused, match="socket"):
            allowed(source, host=f"unix://{listening}")


@pytest.mark.parametrize(
    "target",
    [
        *("/", "//", "/etc", "//etc", "//usr/lib", "/lib", "/lib64/x", "/bin", "/sbin", "//dataops", "/dataops/run"),
        *("/proc/sys", "/sys", "/dev", "/tmp/x", "/run", "/var/run", "/var", "/x/../etc", "data", ""),
    ],
)
def test_a_place_that_belongs_to_the_container_is_refused_however_it_is_spelled(allowed, data, target):
    with pytest.raises(Refused) as refused:
        allowed(data, target)
    assert refused.value.precise_code == "mount_refused"


def test_paths_of_another_host_are_compared_as_they_are(allowed, data):
    (data / "link").symlink_to("/etc")
    assert allowed(data / "link", host="tcp://elsewhere:2376").source == str(data / "link")
    with pytest.raises(Refused):
        allowed("/etc", host="tcp://elsewhere:2376")


def test_nothing_is_mounted_where_no_root_is_allowed(allowed, data):
    with pytest.raises(Refused, match="nowhere"):
        allowed(data, roots=[])


def test_a_root_that_is_no_path_is_named(allowed, data):
    with pytest.raises(Refused, match="'data' must be an absolute path"):
        allowed(data, roots=["data"])
