from __future__ import annotations

from dataclasses import replace

import pytest

from dataops_lab.domain.environments import (
    Backend,
    DockerSettings,
    Environment,
    ExecutorKind,
    Mount,
    Resources,
    RunLimits,
)
from dataops_lab.errors import Refused

STAGING = Environment(name="staging", position=1, images=("data",), default_image="data")


def test_what_makes_sense_is_accepted():
    replace(
        STAGING,
        executor=ExecutorKind.DOCKER,
        docker=DockerSettings(host="ssh://builder@host", warm=2),
        limits=RunLimits(Resources(1.5, 2**30, 200, 0), timeout_s=60, concurrency=3),
        mounts=(Mount("/srv/data", "/data"),),
        locked=("image", "resources"),
    ).check()


@pytest.mark.parametrize(
    "senseless",
    [
        {"name": "Staging!"},
        {"limits": RunLimits(resources=Resources(cpus=0))},
        {"limits": RunLimits(timeout_s=float("nan"))},
        {"limits": RunLimits(concurrency=0)},
        {"images": ("data",), "default_image": "other"},
        {"locked": ("parameters",)},
        {"docker": DockerSettings(user="root")},
        {"docker": DockerSettings(user="0:0")},
        {"docker": DockerSettings(host="somewhere")},
        {"docker": DockerSettings(host="tcp://169.254.169.254:80")},
        {"docker": DockerSettings(host="http://0xA9FEA9FE/latest")},
        {"docker": DockerSettings(host="ssh://me@169.254.43518")},
        {"docker": DockerSettings(host="tcp://[fe80::1%eth0]:2375")},
        {"docker": DockerSettings(host="tcp://[::ffff:169.254.169.254]:80")},
        {"docker": DockerSettings(warm=1000)},
        {"mounts": (Mount("/var/run/docker.sock", "/data"),)},
        {"mounts": (Mount("//var/run", "/data"),)},
        {"mounts": (Mount("/", "/data"),)},
        {"mounts": (Mount("/srv", "//etc"),)},
        {"mounts": (Mount("/srv", "/lib"),)},
        {"mounts": (Mount("/srv", "/data"), Mount("/opt", "//data/"))},
        {"mounts": (Mount("data", "/data"),)},
        {"mounts": (Mount("/srv/../etc", "/data"),)},
        {"mounts": (Mount("/srv", "/proc/x"),)},
        {"mounts": (Mount("/srv", "/data"), Mount("/opt", "/data"))},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(senseless):
    with pytest.raises(Refused) as refused:
        replace(STAGING, **senseless).check()
    assert refused.value.precise_code == "invalid_environment"
    assert len(refused.value.detail["problems"]) == 1


@pytest.mark.parametrize(
    "host", ["unix:///run/user/1/docker.sock", "tcp://10.0.0.1:2376", "ssh://me@host", "tcp://[::1]:2375"]
)
def test_a_docker_host_may_be_anywhere_else(host):
    replace(STAGING, docker=DockerSettings(host=host)).check()


def test_a_process_cannot_hold_a_run_to_limits_that_a_container_can():
    assert "memory_bytes" in STAGING.not_enforced
    assert replace(STAGING, executor=ExecutorKind.DOCKER).not_enforced == ()


@pytest.mark.parametrize(
    ("backend", "text"),
    [
        (Backend(), "process"),
        (Backend(ExecutorKind.DOCKER), "docker"),
        (Backend(ExecutorKind.DOCKER, "ssh://me@gpu+1:22"), "docker+ssh://me@gpu+1:22"),
    ],
)
def test_a_backend_comes_back_from_its_text(backend, text):
    assert str(backend) == text
    assert Backend.parse(text) == backend


def test_a_backend_is_where_the_executor_of_its_environment_is():
    settings = DockerSettings(host="tcp://far:2375")
    assert replace(STAGING, docker=settings).backend == Backend()
    assert replace(STAGING, docker=settings, executor=ExecutorKind.DOCKER).backend == Backend(
        ExecutorKind.DOCKER, "tcp://far:2375"
    )
