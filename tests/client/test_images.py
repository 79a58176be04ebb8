"""The catalogue through every client, with a real daemon; runs use the image that was chosen."""

from __future__ import annotations

import uuid

import pytest

from dataops_lab.api_models import (
    AddImageRequest,
    BuildImageRequest,
    ChangeImageRequest,
    EnvironmentRequest,
    LoginRequest,
    TrialRequest,
)
from dataops_lab.domain.runs import RunState
from dataops_lab.errors import Conflict, NotFound, Refused, UnknownImage

# Both images have the same version of papermill; their kernels tell them apart.
COUNT = """
from importlib.metadata import distributions
from dataops_lab import record
record("bash", "bash_kernel" in {it.metadata["Name"] for it in distributions()})
record("same", 1)
"""


@pytest.fixture
def moving(docker_client, docker_images):
    """A tag that stands for the lean image, and a function that moves it to another one."""
    name = f"dataops-lab-test/moving-{uuid.uuid4().hex}"
    docker_client.images.get(docker_images["lean"]).tag(name, "1")

    def move(to: str) -> None:
        docker_client.images.get(docker_images[to]).tag(name, "1", force=True)

    yield f"{name}:1", move
    docker_client.images.remove(f"{name}:1")


@pytest.fixture
def images(client):
    return client.images


@pytest.fixture
def containers(client):
    """An environment that runs containers and allows no image yet."""
    name = f"containers-{uuid.uuid4().hex[:6]}"
    client.environments.add(EnvironmentRequest(name=name, executor="docker", network=False))
    return name


def done(images, task):
    *_, last = images.follow(task.id)
    assert last.state == "succeeded", last.error
    return images.get(last.image)


def ended(client, run):
    *_, last = client.follow(run.id)
    assert last.run.state == RunState.SUCCEEDED, last.run.reason
    return client.run(last.run.id)


def test_the_image_that_was_chosen_is_the_image_that_runs(installation, client, images, containers, moving):
    reference, move = moving
    old = done(images, images.add(AddImageRequest(name="old", reference=reference, environment=containers)))
    move("bash")
    assert images.check("old").moved_to is not None

    run = ended(client, client.submit(installation.notebook("count.ipynb", COUNT), environment=containers))
    assert (run.values["bash"], run.image.digest) == (False, old.digest)

    new = done(images, images.add(AddImageRequest(name="new", reference=reference, environment=containers)))
    assert new.digest == images.check("old").moved_to
    trial = images.start_trial(TrialRequest(image="new", instead_of="old", environment=containers))
    [tried] = trial.results
    ended(client, client.run(tried.after.id))
    [result] = images.trial(trial.id).results
    assert (result.before.id, result.after.state, result.after.image) == (run.id, "succeeded", "new")
    assert [change.model_dump() for change in result.changes] == [{"name": "bash", "before": False, "after": True}]
    assert images.trials()[0].complete

    again = ended(client, client.rerun(run.id))
    assert (again.values["bash"], again.image.digest) == (False, old.digest)
    assert [job.id for job in images.users("old").jobs] == [run.job.id]
    with pytest.raises(Conflict, match="in use"):
        images.remove("old")
    assert images.get("old").digest == old.digest


def test_an_entry_is_described_deprecated_and_removed(images, containers, moving):
    reference, _ = moving
    name = f"plain-{uuid.uuid4().hex[:6]}"
    task = images.add(AddImageRequest(name=name, reference=reference, tags=["small"]))
    assert done(images, task).probe.problems == []
    assert "Looking into it" in images.task(task.id).log
    assert [listed_task.id for listed_task in images.tasks(image=name)] == [task.id]
    changed = images.change(name, ChangeImageRequest(description="For all", deprecated={"on": "2027-01-31"}))
    assert (changed.description, changed.tags, str(changed.deprecated.on)) == ("For all", ["small"], "2027-01-31")
    assert images.change(name, ChangeImageRequest(deprecated=None)).deprecated is None
    assert images.allow(name, containers).environments == [containers]
    assert images.disallow(name, containers).environments == []
    images.remove(name)
    with pytest.raises(UnknownImage):
        images.get(name)


def test_what_is_refused_is_refused_alike(images):
    with pytest.raises(Refused, match="cannot be the name"):
        images.add(AddImageRequest(name="No Name", reference="a:1"))
    with pytest.raises(Refused) as refused:
        images.build(BuildImageRequest(name="mine", base="a:1", requirements="-e ."))
    assert refused.value.precise_code == "requirements_not_portable"
    with pytest.raises(NotFound):
        images.task("nothing")


def test_a_login_is_kept_and_its_password_never_told(images):
    found = images.log_in("registry.example:5000", LoginRequest(username="ada", password="open sesame"))
    assert [registry.registry for registry in images.registries()] == ["registry.example:5000"]
    assert "sesame" not in found.model_dump_json()
    images.log_out("registry.example:5000")
    assert images.registries() == []


def test_the_packages_of_a_kernel_are_told(images):
    found = images.frozen("python3")
    assert any(line.startswith("papermill==") for line in found.requirements)
    assert "dataops-lab" in found.left_out


def test_a_build_is_cancelled_while_its_installer_waits_for_an_answer(images, containers, moving, silent_index):
    asked = BuildImageRequest(
        name="never",
        base=moving[0],
        requirements="tiny-thing==1.0",
        variables={"PIP_INDEX_URL": silent_index.url},
        network="host",
        environment=containers,
    )
    task = images.build(asked)
    assert silent_index.asked.wait(60)
    assert images.cancel(task.id).error.code == "task_cancelled"
    *_, last = images.follow(task.id)
    assert (last.state, last.error.code) == ("failed", "task_cancelled")
    with pytest.raises(UnknownImage):
        images.get("never")
