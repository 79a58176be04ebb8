"""The request to the daemon, as a value."""

from __future__ import annotations

import json

from dataops_lab.domain.environments import Mount, Resources
from dataops_lab.executors.docker.container_spec import container_spec
from dataops_lab.ports import Container

IMAGE = "sha256:" + "a" * 64
PLAIN = Container(IMAGE, "1000:1000")


def host_config(container: Container) -> dict:
    return container_spec(container, {})["HostConfig"]


def test_a_container_is_hardened_whatever_is_asked_for():
    spec = container_spec(PLAIN, {"ours": "1"})
    assert (spec["Image"], spec["User"], spec["Labels"]) == (IMAGE, "1000:1000", {"ours": "1"})
    host = spec["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["Privileged"] is False
    assert host["CapDrop"] == ["ALL"]
    assert "CapAdd" not in host
    # seccomp is not mentioned, so that Docker's default profile holds.
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["NetworkMode"] == "none"
    assert host["PidsLimit"] > 0
    assert host["LogConfig"]["Config"]["max-size"]
    assert host["Mounts"] == []
    assert "docker.sock" not in json.dumps(spec)


def test_limits_are_those_of_the_run_and_there_is_no_swap_beyond_them():
    host = host_config(Container(IMAGE, "1000", Resources(cpus=1.5, memory_bytes=2**30, pids=77)))
    assert (host["NanoCpus"], host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (
        1_500_000_000,
        2**30,
        2**30,
        77,
    )
    assert all(f"size={2**29}" in options for options in host["Tmpfs"].values())


def test_gpus_are_asked_for_when_the_run_wants_them():
    assert "DeviceRequests" not in host_config(PLAIN)
    (request,) = host_config(Container(IMAGE, "1000", Resources(gpus=2)))["DeviceRequests"]
    assert (request["Count"], request["Capabilities"]) == (2, [["gpu"]])


def test_a_network_is_there_when_it_is_allowed():
    assert host_config(Container(IMAGE, "1000", network=True))["NetworkMode"] == "bridge"


def test_folders_are_mounted_read_only_unless_asked_for():
    mounts = [Mount("/srv/in", "/data/in"), Mount("/srv/out", "/data/out", read_only=False)]
    made = container_spec(PLAIN, {}, mounts=mounts)["HostConfig"]["Mounts"]
    assert [(mount["Source"], mount["Target"], mount["ReadOnly"]) for mount in made] == [
        ("/srv/in", "/data/in", True),
        ("/srv/out", "/data/out", False),
    ]


def test_mounts_that_nobody_has_allowed_are_not_mounted():
    assert host_config(Container(IMAGE, "1000", mounts=[Mount("/srv/in", "/data")]))["Mounts"] == []


def test_volumes_that_an_image_declares_are_as_read_only_as_its_root():
    (volume,) = container_spec(PLAIN, {}, ["/var/data"])["HostConfig"]["Mounts"]
    assert volume == {"Type": "volume", "Target": "/var/data", "ReadOnly": True}
