from __future__ import annotations

import datetime as dt
import threading
from dataclasses import replace

import pytest

from dataops_lab.domain.environments import DockerSettings, ExecutorKind
from dataops_lab.domain.images import BuildRecipe, Deprecation, ImageTaskState
from dataops_lab.domain.runs import RunState, Submission, Trigger, TriggerKind
from dataops_lab.domain.snapshots import AuthoringImage
from dataops_lab.errors import Conflict, Forbidden, InvalidRequest, NotFound, Refused, Unavailable, UnknownImage
from dataops_lab.services import image_tasks, image_trials, images, jobs, placement, runs
from dataops_lab.services.image_tasks import AddImage
from dataops_lab.services.images import ImageChanges
from dataops_lab.testing import FakeImages, person

KERNEL = "python3"


@pytest.fixture
def daemon() -> FakeImages:
    return FakeImages()


@pytest.fixture
def ctx(ctx, daemon):
    return replace(ctx, images=daemon)


@pytest.fixture
def ended(ctx):
    """A function that returns the view of a task once its thread is done."""

    def waited(task):
        for thread in threading.enumerate():
            if thread.name == f"image task {task.id}":
                thread.join(60)
                assert not thread.is_alive()
        return image_tasks.get(ctx, task.id)

    return waited


ADA = person("ada")


@pytest.fixture
def add(ctx, ended):
    def added(name="data", reference="data:1", by=ADA, **more):
        view = ended(image_tasks.add(ctx, AddImage(name, reference, **more), by=by))
        assert view.task.state is ImageTaskState.SUCCEEDED, view.task.error
        return images.get(ctx, name).image

    return added


@pytest.fixture
def in_docker(ctx, add, daemon):
    """`sandbox` with containers and the allowed image `data`."""
    with ctx.store.begin() as tx:
        sandbox = replace(tx.environments.get("sandbox"), executor=ExecutorKind.DOCKER)
        tx.environments.put(sandbox, at=ctx.clock.now(), by=person("ada"))
    daemon.image("data:1", "a")
    add(environment="sandbox")


def end(ctx, run, state=RunState.SUCCEEDED):
    with ctx.store.begin() as tx:
        active = run.transition_to(RunState.ACTIVE, started_at=ctx.clock.now())
        tx.runs.transition(run, active)
        tx.runs.transition(active, active.transition_to(state, finished_at=ctx.clock.now()))


# --- adding -------------------------------------------------------------------------------------


def test_an_image_is_pinned_looked_into_and_kept(add, daemon):
    pinned = daemon.image("data:1", "a")
    image = add(description="for all", tags=("pandas",))
    assert (image.pinned, image.digest) == (pinned, f"data@sha256:{'a' * 64}")
    assert (image.probe.user, image.probe.papermill) == ("1000:1000", "2.6.0")
    assert (image.description, image.tags, image.added_by) == ("for all", ("pandas",), person("ada"))
    assert daemon.kept == {"dataops-lab/kept:data-aaaaaaaaaaaa": pinned.id}


def test_what_the_daemon_does_not_have_is_pulled(ctx, add, daemon, ended):
    daemon.image("data:1", "a", local=False)
    task = image_tasks.add(ctx, AddImage("data", "data:1"), by=person("ada"))
    assert "Downloaded data:1\n" in ended(task).log


def test_a_tag_that_moves_changes_nothing_and_is_said(ctx, add, daemon):
    daemon.image("data:1", "a")
    before = add()
    daemon.image("data:1", "b")
    assert images.get(ctx, "data").image == before
    assert images.check(ctx, "data").moved_to == f"data@sha256:{'b' * 64}"


def test_adding_again_pins_anew_and_remembers_what_was_there(add, daemon):
    first = daemon.image("data:1", "a")
    add(description="for all")
    second = daemon.image("data:1", "b")
    image = add(by=person("bob"))
    assert image.pinned == second
    assert [(pin.pinned, pin.by) for pin in image.earlier] == [(first, person("bob"))]
    assert (image.description, image.added_by) == ("for all", person("ada"))
    assert set(daemon.kept.values()) == {first.id, second.id}
    assert len(add().earlier) == 1


@pytest.mark.parametrize("change", [{"name": "My Data"}, {"reference": "no such thing"}, {"name": "x" * 64}])
def test_what_no_image_can_be_called_is_refused_before_anything_starts(ctx, change):
    with pytest.raises(InvalidRequest):
        image_tasks.add(ctx, replace(AddImage("data", "data:1"), **change), by=person("ada"))
    assert image_tasks.page(ctx) == []


def test_without_a_daemon_it_is_refused_at_once(ctx, daemon):
    daemon.daemon_error = Unavailable("No Docker daemon answers.", code="docker_unreachable")
    with pytest.raises(Unavailable):
        image_tasks.add(ctx, AddImage("data", "data:1"), by=person("ada"))
    assert image_tasks.page(ctx) == []


def test_an_image_that_is_nowhere_leaves_nothing_but_the_reason(ctx, daemon, ended):
    view = ended(image_tasks.add(ctx, AddImage("data", "data:9"), by=person("ada")))
    assert (view.task.state, view.task.error["code"]) == (ImageTaskState.FAILED, "image_not_found")
    assert (images.page(ctx), daemon.kept) == ([], {})


def test_an_environment_that_is_not_there_is_refused_and_nothing_kept(ctx, daemon):
    daemon.image("data:1", "a")
    with pytest.raises(Refused):
        image_tasks.add(ctx, AddImage("data", "data:1", environment="moon"), by=person("ada"))
    assert daemon.kept == {}


def test_an_image_with_problems_is_in_the_catalogue_and_no_run_may_use_it(ctx, in_docker, add, daemon, submit):
    daemon.image("bare:1", "b")
    daemon.problems = ("papermill is missing. Install it.",)
    image = add("bare", "bare:1", environment="sandbox")
    assert image.probe.problems == daemon.problems
    with pytest.raises(Refused, match="papermill is missing"):
        submit(image="bare")


def test_two_do_not_work_on_one_image_at_a_time(ctx, add, daemon, ended):
    daemon.image("data:1", "a")
    go_on = threading.Event()
    daemon.pull = lambda *_: go_on.wait(60) and daemon.local_images["data:1"]
    first = image_tasks.add(ctx, AddImage("data", "data:1", pull=True), by=person("ada"))
    with pytest.raises(Conflict, match="ada is at work"):
        image_tasks.add(ctx, AddImage("data", "data:1"), by=person("bob"))
    go_on.set()
    assert ended(first).task.state is ImageTaskState.SUCCEEDED


def test_a_task_whose_process_is_no_more_was_interrupted_and_blocks_nobody(ctx, daemon, host, ended):
    daemon.image("data:1", "a")
    go_on = threading.Event()
    daemon.pull = lambda *_: go_on.wait(60) and daemon.local_images["data:1"]
    lost = image_tasks.add(ctx, AddImage("data", "data:1", pull=True), by=person("ada"))
    host.dead.add(host.identity().pid)
    assert image_tasks.get(ctx, lost.id).task.state is ImageTaskState.INTERRUPTED
    again = image_tasks.add(ctx, AddImage("data", "data:1"), by=person("ada"))
    go_on.set()
    assert {ended(task).task.id for task in (lost, again)} == {lost.id, again.id}


@pytest.fixture
def begun(ctx, daemon):
    """A task that pulls `data:1` until `go_on` is set, and asks whether it is wanted unless it is `deaf`."""

    def begin(go_on, *, deaf=False):
        daemon.image("data:1", "a")

        def pull(_reference, _login, say):
            while not go_on.wait(0.01):
                if not deaf:
                    say("")
            return daemon.local_images["data:1"]

        daemon.pull = pull
        return image_tasks.add(ctx, AddImage("data", "data:1", pull=True, environment="sandbox"), by=person("ada"))

    return begin


def test_a_task_that_is_cancelled_ends_and_changes_nothing(ctx, daemon, begun, ended):
    task = begun(threading.Event())
    asked = image_tasks.cancel(ctx, task.id, by=person("bob"))
    assert (asked.error["code"], asked.error["message"]) == ("task_cancelled", "bob cancelled it.")
    assert asked.state is ImageTaskState.FAILED or asked.finished_at is None
    view = ended(task)
    assert (view.task.state, view.task.error) == (ImageTaskState.FAILED, asked.error)
    assert view.task.finished_at is not None
    assert image_tasks.cancel(ctx, task.id, by=person("eve")).error == asked.error, "safe to repeat"
    assert (images.page(ctx), daemon.kept) == ([], {})
    with ctx.store.read() as tx:
        assert tx.environments.get("sandbox").images == ()


def test_what_is_cancelled_before_it_is_in_the_catalogue_never_comes_there(ctx, daemon, begun, ended):
    go_on = threading.Event()
    task = begun(go_on, deaf=True)
    image_tasks.cancel(ctx, task.id, by=person("ada"))
    go_on.set()
    assert ended(task).task.error["code"] == "task_cancelled"
    assert (images.page(ctx), daemon.kept) == ([], {})


def test_a_probe_that_is_cancelled_finds_nothing(ctx, add, daemon, ended):
    daemon.image("data:1", "a")
    before = add()
    go_on, look = threading.Event(), daemon.probe
    daemon.probe = lambda *args, **more: go_on.wait(60) and look(*args, **more)
    task = image_tasks.probe(ctx, "data", by=person("ada"))
    image_tasks.cancel(ctx, task.id, by=person("ada"))
    go_on.set()
    assert ended(task).task.error["code"] == "task_cancelled"
    assert images.get(ctx, "data").image.revision == before.revision


def test_a_build_that_is_cancelled_leaves_no_image(ctx, add, daemon, ended):
    daemon.image("data:1", "a")
    add()
    go_on, make, dropped = threading.Event(), daemon.build, []
    daemon.build = lambda *args: go_on.wait(60) and make(*args)
    daemon.remove_tag = dropped.append
    task = image_tasks.build(ctx, AddImage("mine", ""), BuildRecipe("data", requirements="pandas"), by=person("ada"))
    image_tasks.cancel(ctx, task.id, by=person("ada"))
    go_on.set()
    assert ended(task).task.error["code"] == "task_cancelled"
    assert f"sha256:{'1' * 64}" in dropped
    assert [view.image.name for view in images.page(ctx)] == ["data"]


def test_while_it_is_being_cancelled_nobody_else_begins(ctx, daemon, begun, ended):
    go_on = threading.Event()
    task = begun(go_on, deaf=True)
    image_tasks.cancel(ctx, task.id, by=person("ada"))
    with pytest.raises(Conflict, match="ada is at work"):
        image_tasks.add(ctx, AddImage("data", "data:1"), by=person("bob"))
    go_on.set()
    ended(task)


def test_a_database_that_does_not_answer_for_a_moment_cancels_nothing(ctx, daemon, ended, monkeypatch):
    daemon.image("data:1", "a")
    monkeypatch.setattr(image_tasks, "_WRITE_EVERY_S", 0)

    def away():
        raise Unavailable("The database does not answer.")

    def pull(_reference, _login, say):
        with monkeypatch.context() as patched:
            patched.setattr(ctx.store, "read", away)
            say("")
        return daemon.local_images["data:1"]

    daemon.pull = pull
    task = image_tasks.add(ctx, AddImage("data", "data:1", pull=True), by=person("ada"))
    assert ended(task).task.state is ImageTaskState.SUCCEEDED


def test_what_has_ended_is_not_cancelled(ctx, add, daemon):
    daemon.image("data:1", "a")
    add()
    [task] = image_tasks.page(ctx)
    with pytest.raises(Conflict) as refused:
        image_tasks.cancel(ctx, task.id, by=person("ada"))
    assert refused.value.precise_code == "task_ended"
    assert image_tasks.page(ctx) == [task]


def test_who_is_no_administrator_changes_nothing(ctx, in_docker):
    ctx = replace(ctx, administrators=frozenset({"ada"}))
    for attempt in (
        lambda: image_tasks.add(ctx, AddImage("data", "data:1"), by=person("bob")),
        lambda: image_tasks.probe(ctx, "data", by=person("bob")),
        lambda: image_tasks.cancel(ctx, image_tasks.page(ctx)[0].id, by=person("bob")),
        lambda: image_tasks.build(ctx, AddImage("b", ""), BuildRecipe("data", "pandas"), by=person("bob")),
        lambda: images.change(ctx, "data", ImageChanges(description="mine"), by=person("bob")),
        lambda: images.allow(ctx, "data", "production", by=person("bob")),
        lambda: images.disallow(ctx, "data", "sandbox", by=person("bob")),
        lambda: images.remove(ctx, "data", by=person("bob")),
        lambda: image_trials.start(ctx, "data", instead_of="data", by=person("bob")),
    ):
        with pytest.raises(Forbidden):
            attempt()


# --- building -----------------------------------------------------------------------------------


def test_what_is_built_is_in_the_catalogue_by_its_id(ctx, add, daemon, ended):
    daemon.image("data:1", "a")
    add()
    recipe = BuildRecipe("data", requirements="pandas\n")
    view = ended(image_tasks.build(ctx, AddImage("mine", ""), recipe, by=person("ada")))
    image = images.get(ctx, "mine").image
    assert image.digest == image.pinned.id == daemon.kept[f"dataops-lab/kept:mine-{'1' * 12}"]
    assert f"Built on data@sha256:{'a' * 64}\n" in view.log
    assert images.check(ctx, "mine").moved_to is None


def test_a_kernel_of_this_machine_is_frozen_into_an_image(ctx, add, daemon, ended):
    daemon.image("data:1", "a")
    view = ended(image_tasks.build(ctx, AddImage("mine", ""), BuildRecipe("data:1", kernel=KERNEL), by=person("ada")))
    assert [recipe.requirements for recipe in daemon.builds] == ["pandas==2.2.0"]
    assert "Left out: mine, it is installed from a folder\n" in view.log


@pytest.mark.parametrize(
    "recipe",
    [
        BuildRecipe("data:1"),
        BuildRecipe("data:1", requirements="pandas", kernel=KERNEL),
        BuildRecipe("data:1", requirements="-e .\n"),
        BuildRecipe("data:1", environment="dependencies: pandas"),
        BuildRecipe("data:1", environment="{"),
        BuildRecipe("no such thing", requirements="pandas"),
        BuildRecipe("data:1", requirements="x" * 300_000),
    ],
)
def test_a_recipe_that_nobody_could_follow_is_refused_before_anything_starts(ctx, recipe):
    with pytest.raises((InvalidRequest, Refused)):
        image_tasks.build(ctx, AddImage("mine", ""), recipe, by=person("ada"))
    assert image_tasks.page(ctx) == []


# --- the catalogue ------------------------------------------------------------------------------


def test_the_first_image_is_the_default_and_another_one_takes_its_place(ctx, add, daemon):
    daemon.image("data:1", "a")
    daemon.image("lean:1", "b")
    assert add().is_default
    assert not add("lean", "lean:1").is_default
    images.change(ctx, "lean", ImageChanges(is_default=True), by=person("ada"))
    assert [view.image.name for view in images.page(ctx) if view.image.is_default] == ["lean"]


def test_a_change_leaves_what_it_does_not_name(ctx, add, daemon):
    daemon.image("data:1", "a")
    add(tags=("pandas",))
    images.change(ctx, "data", ImageChanges(description="new"), by=person("bob"))
    changed = images.get(ctx, "data").image
    assert (changed.description, changed.tags, changed.probe.papermill) == ("new", ("pandas",), "2.6.0")


def test_what_was_found_as_another_user_no_longer_counts(ctx, add, daemon, ended):
    daemon.image("data:1", "a")
    add()
    assert images.change(ctx, "data", ImageChanges(root_allowed=True), by=person("ada")).image.probe is None
    ended(image_tasks.probe(ctx, "data", by=person("ada")))
    assert images.get(ctx, "data").image.probe.user == "1000"


def test_a_deprecated_image_names_a_successor_that_is_there_and_runs_to_its_day(ctx, in_docker, submit):
    today = ctx.clock.now().date()
    with pytest.raises(UnknownImage):
        images.change(ctx, "data", ImageChanges(deprecated=Deprecation(today, "nothing")), by=person("ada"))
    tomorrow = Deprecation(today + dt.timedelta(days=1), message="Too old.")
    images.change(ctx, "data", ImageChanges(deprecated=tomorrow), by=person("ada"))
    assert [finding.code for finding in submit().run.findings] == ["image_deprecated"]
    images.change(ctx, "data", ImageChanges(deprecated=Deprecation(today)), by=person("ada"))
    with pytest.raises(Refused, match="deprecated"):
        submit()
    images.change(ctx, "data", ImageChanges(deprecated=False), by=person("ada"))
    assert submit().run.findings == ()


def test_an_image_is_allowed_where_its_daemon_is(ctx, in_docker, add, daemon):
    with ctx.store.begin() as tx:
        far = replace(tx.environments.get("production"), docker=DockerSettings("tcp://10.0.0.1:2376"))
        tx.environments.put(far, at=ctx.clock.now(), by=person("ada"))
    with pytest.raises(Refused, match="another Docker host"):
        images.allow(ctx, "data", "production", by=person("ada"))
    assert images.disallow(ctx, "data", "sandbox", by=person("ada")).environments == []
    assert images.disallow(ctx, "data", "sandbox", by=person("ada")).environments == []
    assert images.allow(ctx, "data", "sandbox", by=person("ada")).environments == ["sandbox"]


def test_it_is_known_who_uses_an_image_and_for_how_long(ctx, in_docker, submit, clock):
    first, second = submit("/n/sales.ipynb"), submit("/n/sales.ipynb")
    end(ctx, first.run)
    found = images.users(ctx, "data")
    [job] = found.jobs
    assert (found.environments, found.unfinished) == (["sandbox"], 1)
    assert (job.job, job.runs, job.last.id) == (first.job, 2, second.run.id)
    clock.advance(31 * 86_400)
    assert images.users(ctx, "data").jobs == []
    assert len(images.users(ctx, "data", days=32).jobs) == 1


def test_an_image_is_removed_when_nobody_uses_it(ctx, in_docker, submit, daemon, clock):
    run = submit().run
    images.disallow(ctx, "data", "sandbox", by=person("ada"))
    with pytest.raises(Conflict, match="1 jobs ran on it"):
        images.remove(ctx, "data", by=person("ada"))
    end(ctx, run)
    clock.advance(31 * 86_400)
    images.remove(ctx, "data", by=person("ada"))
    assert (images.page(ctx), daemon.kept) == ([], {})


def test_a_run_that_was_submitted_while_an_image_is_being_removed_keeps_it(ctx, in_docker, submit, monkeypatch):
    def nobody_yet(ctx, name):
        submit()  # another person submits right after the look
        images.disallow(ctx, "data", "sandbox", by=person("ada"))
        return images.ImageUsers(days=30, environments=[], jobs=[], unfinished=0)

    monkeypatch.setattr(images, "users", nobody_yet)
    with pytest.raises(Conflict, match="1 jobs ran on it"):
        images.remove(ctx, "data", by=person("ada"))


# --- the chosen image runs ----------------------------------------------------------------------


def test_a_run_has_the_digest_of_its_submission_whatever_happens_to_the_entry(ctx, in_docker, submit, add, daemon):
    before = submit().run
    end(ctx, before)
    daemon.image("data:1", "b")
    add()
    after = submit().run
    again = runs.rerun(ctx, before.id, parameters=None, by=person("ada")).view.run
    digests = [run.image.digest[-1] for run in (before, after, again)]
    assert digests == ["a", "b", "a"]


# --- trials -------------------------------------------------------------------------------------


@pytest.fixture
def candidate(in_docker, add, daemon):
    daemon.image("next:1", "c")
    return add("next", "next:1", environment="sandbox")


def test_a_trial_runs_the_last_success_of_each_user_on_the_other_image(ctx, candidate, submit, in_docker):
    good, newer, never = submit("/n/good.ipynb", image="data"), submit("/n/good.ipynb", image="data"), None
    end(ctx, good.run)
    end(ctx, newer.run, RunState.FAILED)
    never = submit("/n/never.ipynb", image="data")
    trial = image_trials.start(ctx, "next", instead_of="data", by=person("ada"))
    tried, untried = trial.results
    assert (tried.before.run.id, tried.after.run.trigger) == (good.run.id, Trigger(TriggerKind.TRIAL, good.run.id))
    assert tried.after.run.image == candidate.as_run_image
    assert (untried.before.run.id, untried.after) == (never.run.id, None)
    assert "never succeeded" in untried.refused
    assert not trial.complete
    end(ctx, tried.after.run)
    assert image_trials.get(ctx, trial.trial.id).complete
    assert [view.trial for view in image_trials.page(ctx)] == [trial.trial]


def test_trials_of_many_jobs_take_as_many_statements_as_one_of_one_job(ctx, candidate, submit, statements):
    def jobs_of(*names):
        found = []
        for name in names:
            view = submit(f"/n/{name}.ipynb", image="data")
            end(ctx, view.run)
            found.append(view.job.id)
        return found

    def start(*jobs):
        trial = image_trials.start(ctx, "next", jobs=jobs, by=person("ada"))
        assert [result.before.job.id for result in trial.results] == list(jobs)

    def listed(*sizes):
        assert [len(view.results) for view in image_trials.page(ctx)] == list(sizes)

    [first], rest = jobs_of("a"), jobs_of("b", "c", "d")
    # The store notes the actor, once an hour.
    images.change(ctx, "next", ImageChanges(description="New"), by=person("ada"))
    # Count the statements for one trial, and for several.
    of_one = statements(lambda: start(first)), statements(lambda: listed(1))
    assert (statements(lambda: start(first, *rest)), statements(lambda: listed(4, 1))) == of_one


def test_a_trial_of_a_job_that_is_not_there_names_it(ctx, candidate, submit):
    view = submit(image="data")
    end(ctx, view.run)
    with pytest.raises(NotFound, match="no job 'gone'"):
        image_trials.start(ctx, "next", jobs=[view.job.id, "gone"], by=person("ada"))


def test_a_trial_tells_of_the_runs_that_are_left(ctx, candidate, submit, clock):
    runs_of = [submit(f"/n/{name}.ipynb", image="data").run for name in "ab"]
    for run in runs_of:
        end(ctx, run)
    trial = image_trials.start(ctx, "next", instead_of="data", by=person("ada"))
    with ctx.store.begin() as tx:
        tx.runs.delete([runs_of[0].id], at=clock.now(), by=person("ada"))
    [left] = image_trials.get(ctx, trial.trial.id).results
    assert left.before.run.id == runs_of[1].id


def test_a_job_for_whose_kernel_the_image_has_none_is_named(ctx, candidate, submit):
    other = submit(image="data", kernel="python3").run
    end(ctx, other)
    with ctx.store.begin() as tx:
        image = tx.images.get("next")
        r = replace(image.probe.kernels[0], name="ir", language="R")
        tx.images.put(replace(image, probe=replace(image.probe, kernels=(r,))), at=ctx.clock.now(), by=person("ada"))
    [result] = image_trials.start(ctx, "next", instead_of="data", by=person("ada")).results
    assert result.refused == "The image has no kernel python3; it has ir."


@pytest.mark.parametrize("asked", [{}, {"instead_of": "data", "jobs": ["x"]}, {"instead_of": "nothing"}])
def test_a_trial_of_nothing_is_refused(ctx, candidate, asked):
    with pytest.raises((InvalidRequest, UnknownImage)):
        image_trials.start(ctx, "next", by=person("ada"), **asked)
    assert image_trials.page(ctx) == []


def test_a_trial_needs_an_environment_with_containers(ctx, candidate, submit):
    end(ctx, submit(image="data").run)
    with pytest.raises(Refused, match="without images"):
        image_trials.start(ctx, "next", instead_of="data", environment="production", by=person("ada"))


def test_a_submission_that_names_an_unknown_image_is_told_which_there_are(ctx, in_docker):
    with pytest.raises(UnknownImage, match="There is: data"):
        runs.submit(ctx, Submission("/n/sales.ipynb", image="date"), by=person("ada"))


# --- authoring ----------------------------------------------------------------------------------


def test_a_notebook_runs_in_the_image_in_which_it_was_written_unless_another_is_chosen(ctx, in_docker, add, daemon):
    daemon.image("other:1", "b")
    add("other", "other:1", environment="sandbox")
    ctx.notebooks.written_kernel = "dataops.sandbox.other.python3"
    assert runs.submit(ctx, Submission("/n.ipynb"), by=person("ada")).view.run.image.name == "other"
    assert runs.submit(ctx, Submission("/n.ipynb", image="data"), by=person("ada")).view.run.image.name == "data"
    [sandbox, _] = placement.options(ctx, by=person("ada"), kernel="dataops.sandbox.other.python3")
    assert sandbox.default_image == "other"


def test_where_a_notebook_was_written_is_told_as_long_as_that_may_be_used(ctx, in_docker):
    def authored_in():
        return jobs.inspect(ctx, "/n.ipynb", root=None, by=person("ada"), environment="production").authored_in

    def change(**settings):
        with ctx.store.begin() as tx:
            sandbox = replace(tx.environments.get("sandbox"), **settings)
            tx.environments.put(sandbox, at=ctx.clock.now(), by=person("ada"))

    assert authored_in() is None
    ctx.notebooks.written_kernel = "dataops.sandbox.data.python3"
    assert authored_in() == AuthoringImage("sandbox", "data")
    change(locked=("image",))
    assert authored_in() == AuthoringImage("sandbox", None)
    change(images=())
    assert authored_in() is None


def test_an_image_that_is_no_longer_allowed_is_not_proposed(ctx, in_docker):
    ctx.notebooks.written_kernel = "dataops.sandbox.gone.python3"
    assert runs.submit(ctx, Submission("/n.ipynb"), by=person("ada")).view.run.image.name == "data"
