from __future__ import annotations

import signal
import subprocess
import uuid
from functools import partial

import pytest

from .conftest import COMMAND, TIMEOUT_S


def test_an_image_goes_through_the_catalogue(own_shell, docker_images, docker_client):
    reference = f"dataops-lab-test/shown-{uuid.uuid4().hex}:1"
    docker_client.images.get(docker_images["lean"]).tag(reference)
    try:
        added = own_shell("image", "add", "lean", reference, "--env", "sandbox", "--tag", "small")
        assert added.code == 0, added.err
        assert "lean is in the catalogue." in added.err
        shown = own_shell.invoke("image", "show", "lean", "--json").json
        assert (shown["tags"], shown["environments"], shown["probe"]["problems"]) == (["small"], ["sandbox"], [])
        assert "default" in own_shell.invoke("image", "list").out
        assert own_shell.invoke("image", "check", "lean").out == "The daemon has it.\n"
        in_use = own_shell.invoke("image", "remove", "lean", "--json")
        assert (in_use.code, in_use.json["error"]["code"]) == (2, "image_in_use")
        own_shell.invoke("image", "allow", "lean", "sandbox", "--not")
        assert own_shell.invoke("image", "deprecate", "lean", "--on", "2027-01-31").code == 0
        assert own_shell.invoke("image", "remove", "lean").code == 0
        assert own_shell.invoke("image", "list", "--json").json["items"] == []
    finally:
        docker_client.images.remove(reference)


def test_a_task_that_fails_is_a_failure_with_its_code(own_shell, docker_client):
    refused = own_shell("image", "add", "data", "127.0.0.1:1/nothing:1", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (1, "registry_unreachable")
    [task] = own_shell.invoke("image", "tasks", "--json").json["items"]
    assert task["state"] == "failed"
    assert "Pulling 127.0.0.1:1/nothing:1." in own_shell.invoke("image", "tasks", task["id"]).out


def test_without_a_daemon_the_mend_is_named(own_shell, tmp_path):
    answer = own_shell.invoke("image", "add", "data", "data:1", DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert answer.code == 4
    assert "No Docker daemon answers" in answer.err


def test_a_password_comes_from_stdin_and_never_back(own_shell):
    command = [*COMMAND, "image", "login", "registry.example", "--username", "ada"]
    options = {"cwd": own_shell.folder, "env": own_shell.environment(), "text": True, "capture_output": True}
    done = subprocess.run(command, check=False, input="open sesame\n", timeout=90, **options)
    assert (done.returncode, "sesame" in done.stdout + done.stderr) == (0, False)
    assert own_shell.invoke("image", "registries", "--json").json["items"][0]["registry"] == "registry.example"
    assert own_shell.invoke("image", "logout", "registry.example").code == 0
    nothing = subprocess.run(command, check=False, input="", timeout=90, **options)
    assert nothing.returncode == 2


def test_a_kernel_is_frozen_to_requirements(own_shell):
    answer = own_shell.invoke("image", "freeze", "python3")
    assert any(line.startswith("papermill==") for line in answer.out.splitlines())
    assert "Left out: dataops-lab" in answer.err


def test_options_that_contradict_are_refused(own_shell):
    assert own_shell.invoke("image", "deprecate", "data").code == 2
    assert own_shell.invoke("image", "deprecate", "data", "--on", "soon").code == 2
    unset = own_shell.invoke("image", "build", "x", "--from", "y", "--requirements", "r", "--variable", "NOT_SET_HERE")
    assert (unset.code, "NOT_SET_HERE" in unset.err) == (2, True)


@pytest.fixture
def building(own_shell, own_image, silent_index):
    """The command that builds `never`, while its installer waits for an answer."""
    requirements = own_shell.text("requirements.txt", "tiny-thing==1.0\n")
    process = own_shell.start(
        *("image", "build", "never", "--from", own_image, "--requirements", requirements),
        *("--network", "host", "--variable", "PIP_INDEX_URL"),
        env={**own_shell.environment(), "PIP_INDEX_URL": silent_index.url},
    )
    assert silent_index.asked.wait(TIMEOUT_S)
    yield process
    process.kill()
    process.wait()


def test_a_build_is_ended_by_another_command(own_shell, building):
    [task] = own_shell.invoke("image", "tasks", "--json").json["items"]
    cancelled = own_shell.invoke("image", "cancel", task["id"], "--json").json
    assert (cancelled["state"], cancelled["error"]["code"]) == ("failed", "task_cancelled")
    _, err = building.communicate(timeout=TIMEOUT_S)
    assert building.returncode == 1 and "cancelled it" in err
    assert own_shell.invoke("image", "list", "--json").json["items"] == []


def test_ctrl_c_ends_a_build_and_leaves_no_container(own_shell, building, own_image, docker_client):
    of_the_build = partial(docker_client.containers.list, all=True, filters={"ancestor": own_image})
    assert of_the_build() != []
    building.send_signal(signal.SIGINT)
    _, err = building.communicate(timeout=TIMEOUT_S)
    assert building.returncode == 1 and "cancelled it" in err
    [task] = own_shell.invoke("image", "tasks", "--json").json["items"]
    assert (task["state"], task["error"]["code"]) == ("failed", "task_cancelled")
    assert of_the_build() == []
