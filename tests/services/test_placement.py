"""The places where a run may go, and what it gets there."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from dataops_lab.domain.environments import Environment, ExecutorKind, Resources, RunLimits
from dataops_lab.domain.images import Deprecation, Image, PinnedImage, Probe
from dataops_lab.domain.runs import Submission
from dataops_lab.domain.snapshots import KernelChoice
from dataops_lab.errors import DataOpsError, KeyReused, NotFound, UnknownEnvironment
from dataops_lab.services import environments, placement, runs
from dataops_lab.services.placement import PlacementOverride
from dataops_lab.testing import person

PYTHON = KernelChoice("python3", "python", "Python 3", ("/opt/bin/python", "-m", "ipykernel_launcher"))
BASH = KernelChoice("bash", "bash", "Bash", ("/opt/bin/python", "-m", "bash_kernel"))


@pytest.fixture
def database(sqlite: str) -> str:
    """SQLite alone: other tests send all these statements to both databases."""
    return sqlite


@pytest.fixture
def image(ctx):
    """A function that puts an image into the catalogue, as if it had been added and probed."""

    def put(name: str = "data", kernels: tuple[KernelChoice, ...] = (PYTHON,), **changes) -> Image:
        now = ctx.clock.now()
        pinned = PinnedImage(f"sha256:{name:0<64}", None, "linux/amd64", "", 1000)
        probe = Probe(now, "3.11.2", "/opt/bin/python", "2.6", kernels, {}, "1000:1000")
        image = replace(Image(name, f"{name}:1", pinned, now, person("ann"), probe=probe), **changes)
        with ctx.store.begin() as tx:
            return tx.images.put(image, at=now, by=person("ann"))

    return put


@pytest.fixture
def sandbox(ctx):
    """A function that changes the sandbox."""

    def change(**changes) -> Environment:
        return environments.change(ctx, replace(environments.get(ctx, "sandbox"), **changes), by=person("ann"))

    return change


@pytest.fixture
def refused(ctx):
    """A function that returns the code and message of a refusal, and checks that nothing was written."""

    def code(by: str = "ann", **wanted) -> tuple[str, str]:
        with pytest.raises(DataOpsError) as raised:
            runs.submit(ctx, Submission(path="/notebooks/sales.ipynb", **wanted), by=person(by))
        with ctx.store.read() as tx:
            assert not tx.jobs.page(limit=1).items
        return raised.value.precise_code, raised.value.message

    return code


IN_DOCKER = {"executor": ExecutorKind.DOCKER, "images": ("data",)}


def test_a_run_without_wishes_gets_what_the_environment_gives(ctx, sandbox, submit):
    sandbox(limits=RunLimits(Resources(2.0, 2**30), timeout_s=60))
    run = submit().run
    assert (run.environment, run.image, run.bypassed_promotion) == ("sandbox", None, False)
    assert run.resources == Resources(2.0, 2**30) and run.settings.timeout_s == 60


def test_a_run_may_ask_for_less_and_not_for_more(ctx, sandbox, submit, refused):
    sandbox(limits=RunLimits(Resources(2.0, 2**30)))
    code, message = refused(resources=Resources(cpus=3))
    assert code == "beyond_limit" and "CPUs" in message and "2" in message
    assert refused(resources=Resources(memory_bytes=-1))[0] == "beyond_limit"
    assert submit(resources=Resources(cpus=1, pids=50)).run.resources == Resources(1, 2**30, 50)


def test_limits_that_a_process_cannot_be_held_to_are_said(ctx, sandbox, submit):
    sandbox(limits=RunLimits(Resources(memory_bytes=2**30)), network=False)
    (finding,) = submit().run.findings
    assert finding.code == "limits_not_enforced" and "memory_bytes, network" in finding.message


def test_what_is_locked_nobody_chooses(ctx, sandbox, refused, submit):
    sandbox(locked=("resources", "timeout_s", "kernel"))
    for wanted in ({"resources": Resources(cpus=1)}, {"timeout_s": 5.0}, {"kernel": "bash"}):
        code, message = refused(**wanted)
        assert code == "setting_locked" and f"`{next(iter(wanted))}`" in message
    submit()


def test_only_administrators_run_in_a_guarded_environment_and_the_run_says_so(ctx, submit):
    assert submit(environment="production").run.bypassed_promotion
    ctx = replace(ctx, administrators=frozenset({"ann"}))
    wanted = Submission(path="/notebooks/sales.ipynb", environment="production")
    assert runs.submit(ctx, wanted, by=person("ann")).view.run.bypassed_promotion
    with pytest.raises(DataOpsError) as raised:
        runs.submit(ctx, wanted, by=person("eve"))
    assert raised.value.precise_code == "environment_guarded"


def test_what_does_not_exist_is_named(ctx, sandbox, refused):
    assert refused(environment="nowhere")[0] == UnknownEnvironment.code
    sandbox(**IN_DOCKER)
    assert refused()[0] == "unknown_image"


def test_a_run_has_the_image_by_digest_and_the_kernel_that_was_found_in_it(ctx, sandbox, image, submit):
    sandbox(**IN_DOCKER)
    pinned = image().pinned
    run = submit().run
    assert (run.image.name, run.image.digest) == ("data", pinned.id)
    assert run.kernel == PYTHON


def test_without_a_choice_it_is_the_default_else_the_only_one_else_the_catalogues(ctx, sandbox, image, submit):
    image("data"), image("lean", is_default=True)
    sandbox(**IN_DOCKER)
    assert submit().run.image.name == "data"
    sandbox(executor=ExecutorKind.DOCKER, images=("data", "lean"))
    assert submit().run.image.name == "lean"
    sandbox(executor=ExecutorKind.DOCKER, images=("data", "lean"), default_image="data")
    assert submit().run.image.name == "data" and submit(image="lean").run.image.name == "lean"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"deprecated": Deprecation(dt.date(2026, 1, 31), successor="lean")}, "Use lean"),
        ({"probe": None}, "image probe data"),
        ({"host": "ssh://elsewhere"}, "Docker host"),
    ],
    ids=["deprecated", "not probed", "elsewhere"],
)
def test_an_image_that_cannot_be_used_is_refused_with_the_reason(ctx, sandbox, image, refused, changes, said):
    sandbox(**IN_DOCKER)
    image(**changes)
    code, message = refused()
    assert code == "image_not_allowed" and said in message
    (option,) = placement.options(ctx, by=person("ann"))[0].images
    assert said in " ".join(option.problems)


def test_an_image_that_lacks_something_is_refused_with_the_mend(ctx, sandbox, image, refused):
    sandbox(**IN_DOCKER)
    found = image().probe
    image(probe=replace(found, problems=("papermill is missing: pip install papermill",)))
    assert "pip install papermill" in refused()[1]


def test_an_image_that_is_not_allowed_here_is_refused_and_those_that_are_named(ctx, sandbox, image, refused):
    sandbox(**IN_DOCKER)
    image("data"), image("lean")
    code, message = refused(image="lean")
    assert code == "image_not_allowed" and "Allowed in sandbox: data" in message


def test_a_process_has_no_image(ctx, image, refused):
    image()
    assert refused(image="data")[0] == "image_not_allowed"


def test_before_its_day_a_deprecated_image_runs_with_a_warning(ctx, sandbox, image, submit):
    sandbox(**IN_DOCKER)
    image(deprecated=Deprecation(dt.date(2026, 2, 1), message="Old pandas."))
    (finding,) = submit().run.findings
    assert finding.code == "image_deprecated" and "Old pandas." in finding.message


def test_a_rerun_stays_in_its_image_by_digest_when_the_name_stands_for_another_one(ctx, sandbox, image, submit):
    sandbox(**IN_DOCKER)
    old = submit_in(image, submit)
    image("data", (BASH,), pinned=PinnedImage("sha256:" + "9" * 64, None, "linux/amd64", "", 1))
    again = runs.rerun(ctx, old.id, parameters=None, by=person("bob")).view.run
    assert (again.image, again.kernel, again.trigger.ref) == (old.image, PYTHON, old.id)


def submit_in(image, submit):
    image()
    return submit().run


def test_a_rerun_is_checked_as_a_new_run_is(ctx, sandbox, image, submit):
    sandbox(**IN_DOCKER, limits=RunLimits(Resources(cpus=4)))
    old = submit_in(image, submit)
    sandbox(**IN_DOCKER, limits=RunLimits(Resources(cpus=2)))
    assert runs.rerun(ctx, old.id, parameters=None, by=person("bob")).view.run.resources == Resources(cpus=2)
    sandbox(executor=ExecutorKind.PROCESS)
    with pytest.raises(DataOpsError) as raised:
        runs.rerun(ctx, old.id, parameters=None, by=person("bob"))
    assert raised.value.precise_code == "placement_changed"
    with ctx.store.begin() as tx:
        tx.images.remove("data", at=ctx.clock.now(), by=person("ann"))
    sandbox(**IN_DOCKER)
    with pytest.raises(NotFound):
        runs.rerun(ctx, old.id, parameters=None, by=person("bob"))


@pytest.fixture
def again(ctx):
    def rerun(old, by: str = "bob", **elsewhere):
        return runs.rerun(ctx, old.id, parameters=None, by=person(by), override=PlacementOverride(**elsewhere)).view.run

    return rerun


def test_a_rerun_goes_to_another_image_or_environment_as_a_first_run_there_would(ctx, sandbox, image, submit, again):
    old = submit(resources=Resources(cpus=1)).run
    image("data"), image("shell", (BASH, replace(PYTHON, name="conda")))
    sandbox(executor=ExecutorKind.DOCKER, images=("data", "shell"), default_image="data")
    moved = again(old, image="shell")
    assert (moved.image.name, moved.kernel.name, moved.version_digest) == ("shell", "conda", old.version_digest)
    assert moved.resources == Resources(), "what it asked for was meant for the place where it was"
    there = again(moved, environment="production")
    assert (there.environment, there.image, there.bypassed_promotion) == ("production", None, True)
    assert again(moved, environment="sandbox").image == moved.image, "where it was it stays in its image"


def test_a_rerun_in_the_image_that_is_named_takes_it_as_the_catalogue_has_it_now(sandbox, image, submit, again):
    sandbox(**IN_DOCKER)
    old = submit_in(image, submit)
    new = image("data", pinned=PinnedImage("sha256:" + "9" * 64, None, "linux/amd64", "", 1))
    assert again(old, image="data").image == new.as_run_image


def test_a_rerun_that_stays_may_ask_for_other_resources(sandbox, image, submit, again):
    sandbox(**IN_DOCKER, limits=RunLimits(Resources(cpus=4)))
    old = submit_in(image, submit)
    stayed = again(old, resources=Resources(cpus=1))
    assert (stayed.resources, stayed.image) == (Resources(cpus=1), old.image)
    with pytest.raises(DataOpsError, match="more than sandbox allows"):
        again(old, resources=Resources(cpus=5))
    sandbox(**IN_DOCKER, locked=("resources",))
    with pytest.raises(DataOpsError, match="is locked"):
        again(old, resources=Resources(cpus=1))


@pytest.mark.parametrize(
    ("elsewhere", "code"),
    [
        ({"image": "lean"}, "image_not_allowed"),
        ({"image": "shell"}, "kernel_not_in_image"),
        ({"image": "nowhere"}, "unknown_image"),
        ({"environment": "nowhere"}, "unknown_environment"),
        ({"environment": "production"}, "environment_guarded"),
        ({"environment": "production", "image": "data"}, "environment_guarded"),
    ],
)
def test_a_rerun_is_refused_where_a_first_run_would_be(ctx, sandbox, image, submit, elsewhere, code):
    sandbox(executor=ExecutorKind.DOCKER, images=("data", "shell"), default_image="data")
    image("lean"), image("shell", (BASH,))
    old = submit_in(image, submit)
    ctx = replace(ctx, administrators=frozenset({"ann"}))
    with pytest.raises(DataOpsError) as raised:
        runs.rerun(ctx, old.id, parameters=None, by=person("eve"), override=PlacementOverride(**elsewhere))
    assert raised.value.precise_code == code


def test_a_rerun_with_the_key_of_one_that_went_elsewhere_is_refused(ctx, submit):
    old = submit().run
    there = {"parameters": None, "by": person("ann"), "key": "k"}
    run = runs.rerun(ctx, old.id, **there, override=PlacementOverride("production")).view.run
    assert runs.rerun(ctx, old.id, **there, override=PlacementOverride("production")).view.run.id == run.id
    with pytest.raises(KeyReused):
        runs.rerun(ctx, old.id, **there)


def test_what_was_missing_in_one_place_is_not_said_of_another(ctx, sandbox, submit, again):
    sandbox(limits=RunLimits(Resources(memory_bytes=2**30)))
    old = submit().run
    assert {finding.code for finding in old.findings} == {"limits_not_enforced"}
    assert again(old, environment="production").findings == ()


def test_the_form_is_told_what_may_be_chosen_and_why_the_rest_may_not(ctx, sandbox, image):
    sandbox(executor=ExecutorKind.DOCKER, images=("data", "shell"))
    image("data"), image("shell", (BASH,)), image("other")
    ctx = replace(ctx, administrators=frozenset({"ann"}))
    there, guarded = placement.options(ctx, by=person("eve"), kernel="my-venv", language="python")
    assert there.problem is None and "administrators" in guarded.problem
    problems = {option.image.name: " ".join(option.problems) for option in there.images}
    assert problems["data"] == ""
    assert "it has bash" in problems["shell"] and "not allowed" in problems["other"]
