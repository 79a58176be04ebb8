"""Publishing: which run wins a path, what is refused, and what a crash at any moment leaves."""

from __future__ import annotations

import errno
import io
import json
import zipfile
from dataclasses import replace

import pytest

from dataops_lab.domain.actors import ENGINE
from dataops_lab.domain.environments import SANDBOX
from dataops_lab.domain.events import run_subject
from dataops_lab.domain.outputs import Output
from dataops_lab.domain.parameters import Parameter, ParameterSchema, ParameterType
from dataops_lab.domain.publications import MANIFEST, Publication, PublicationState
from dataops_lab.domain.runs import ParameterRow, RunState, Submission
from dataops_lab.errors import Conflict, Forbidden, InvalidOutputs
from dataops_lab.services import Services, portable_records, publications, retention, runs
from dataops_lab.services.runs import RunView
from dataops_lab.testing import person

ANN = person("ann")
FOLDER = "/notebooks"
STATES = PublicationState


@pytest.fixture(autouse=True)
def declared(ctx):
    """A notebook that declares one output."""
    ctx.notebooks.outputs = (Output("out.csv"),)


@pytest.fixture
def finish(ctx, engine, executor):
    """A function that lets the engine run a run to its end, with these files."""

    def finished(view: RunView, **files: str) -> RunView:
        for _ in range(50):
            engine.step()
            engine.wait_for_threads()
            name = f"{view.run.id}-1"
            if name in executor.alive:
                for path, text in files.items():
                    target = executor.directory(name) / "artifacts" / path.replace("__", "/").replace("_", ".")
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_text(text)
                executor.end(name)
            now = runs.get(ctx, view.run.id)
            if now.run.state.is_terminal:
                return now
        raise AssertionError(now.run.state)

    return finished


@pytest.fixture
def publish(ctx, engine):
    """A function that lets the engine publish what is due."""

    def published() -> None:
        for _ in range(4):
            engine.step()
            engine.wait_for_threads()
        # PostgreSQL tells of a commit a moment later.
        while publications.list_due(ctx, now=ctx.clock.now())[0]:
            engine.step()
            engine.wait_for_threads()

    return published


def only(ctx: Services, view: RunView) -> Publication:
    with ctx.store.read() as tx:
        (publication,) = tx.publications.list_for_run(view.run.id)
    return publication


def files(ctx: Services, folder: str = FOLDER) -> dict[str, str]:
    found = ctx.output_folders.files.get(folder, {})
    return {path: data.decode() for path, data in found.items() if path != MANIFEST}


def test_a_run_that_succeeds_publishes_to_its_workspace_with_the_manifest_last(ctx, submit, finish, publish):
    view = finish(submit(), out_csv="1")
    publish()
    assert view.run.state is RunState.SUCCEEDED
    publication = only(ctx, view)
    assert (publication.state, publication.folder, publication.path) == (STATES.PUBLISHED, FOLDER, "out.csv")
    assert files(ctx) == {"out.csv": "1"}
    assert ctx.output_folders.puts == ["out.csv", MANIFEST]
    told = json.loads(ctx.output_folders.files[FOLDER][MANIFEST])["files"]["out.csv"]
    assert (told["run"], told["digest"], told["version"]) == (view.run.id, publication.digest, view.run.version_digest)
    with ctx.store.read() as tx:
        kinds = [event.kind for event in tx.events.list_after(0, subject=run_subject(view.run.id))]
    assert kinds[-3:] == ["run.succeeded", "run.publication_planned", "run.publication_published"]


def test_the_portable_record_names_the_outputs_and_has_their_files_once(ctx, submit, finish):
    ctx.notebooks.outputs = (Output("to/out.csv", "out.csv"), Output("gone.csv", optional=True))
    view = finish(submit(publish=False), out_csv="1")
    target = io.BytesIO()
    portable_records.export(ctx, view.run.id, target)
    with zipfile.ZipFile(target) as archive:
        [output] = json.loads(archive.read("record.json"))["outputs"]
        assert (output["path"], output["source"], output["file"]) == ("to/out.csv", "out.csv", "artifacts/out.csv")
        assert archive.read(output["file"]) == b"1"
        assert not [name for name in archive.namelist() if name.startswith("outputs/")]


def test_a_run_that_fails_publishes_nothing(ctx, submit, engine, executor, publish):
    view = submit()
    engine.step()
    engine.wait_for_threads()
    executor.end(f"{view.run.id}-1", "failed", failure={"code": "cell_error", "message": "No."})
    publish()
    assert runs.get(ctx, view.run.id).run.state is RunState.FAILED
    assert ctx.output_folders.files == {}


def test_a_required_output_that_is_missing_fails_the_run_with_a_sentence(ctx, submit, finish, publish):
    view = finish(submit(), other_csv="1")
    assert view.run.state is RunState.FAILED
    assert view.run.reason.code == "output_missing"
    assert view.run.reason.message.startswith("It did not leave its output 'out.csv'.")
    publish()
    assert files(ctx) == {}


def test_an_optional_output_may_be_missing(ctx, submit, finish):
    ctx.notebooks.outputs = (Output("out.csv", optional=True),)
    assert finish(submit()).run.state is RunState.SUCCEEDED


def test_a_run_that_had_nothing_to_do_owes_and_publishes_nothing(ctx, submit, engine, executor, publish):
    view = submit()
    engine.step()
    engine.wait_for_threads()
    executor.end(f"{view.run.id}-1", nothing_to_do=True)
    publish()
    assert runs.get(ctx, view.run.id).run.state is RunState.SUCCEEDED
    assert publications.list_outputs(ctx, view.run.id).outputs == []


def test_a_submission_may_declare_other_outputs_with_parameters_in_their_paths(ctx, submit, finish, publish):
    ctx.notebooks.schema = ParameterSchema((Parameter("region", ParameterType.STRING, default="North"),))
    view = submit(outputs=(Output("{region}/sales.csv", "out.csv"),), parameters={"region": "South"})
    finish(view, out_csv="1")
    publish()
    assert files(ctx) == {"South/sales.csv": "1"}


def test_outputs_that_make_no_sense_and_values_that_make_no_path_are_refused_before_anything_is_written(ctx, submit):
    ctx.notebooks.schema = ParameterSchema((Parameter("region", ParameterType.STRING, default="North"),))
    for outputs, values in (
        ((Output("/etc/passwd"),), {}),
        ((Output("{nobody}.csv"),), {}),
        ((Output("{region}.csv"),), {"region": "../up"}),
    ):
        with pytest.raises(InvalidOutputs):
            submit(outputs=outputs, parameters=values)
    with ctx.store.read() as tx:
        assert tx.runs.count_by_state() == {}


def test_rows_that_would_publish_one_path_are_refused_and_rows_that_publish_nothing_are_not(ctx):
    ctx.notebooks.schema = ParameterSchema((Parameter("region", ParameterType.STRING, default="North"),))
    rows = [ParameterRow({"region": name}) for name in ("North", "South")]
    submission = Submission("/notebooks/sales.ipynb", outputs=(Output("out.csv"),))
    with pytest.raises(InvalidOutputs, match="row 1 and row 2 both publish"):
        runs.submit_many(ctx, submission, rows, by=ANN)
    assert len(runs.submit_many(ctx, replace(submission, publish=False), rows, by=ANN)) == 2
    own = replace(submission, outputs=(Output("{region}.csv"),))
    assert len(runs.submit_many(ctx, own, rows, by=ANN)) == 2


def test_a_rerun_publishes_only_when_asked(ctx, submit, finish, publish):
    first = finish(submit(), out_csv="1")
    publish()
    again = runs.rerun(ctx, first.run.id, parameters=None, by=ANN).view
    finish(again, out_csv="2")
    publish()
    assert files(ctx) == {"out.csv": "1"}
    asked = runs.rerun(ctx, first.run.id, parameters=None, publish=True, by=ANN).view
    finish(asked, out_csv="3")
    publish()
    assert files(ctx) == {"out.csv": "3"}


def test_a_run_that_published_nothing_is_published_afterwards_by_its_owner(ctx, submit, finish, publish):
    view = finish(submit(publish=False), out_csv="1")
    publish()
    assert files(ctx) == {}
    listed = publications.list_outputs(ctx, view.run.id)
    assert (listed.may_publish, listed.outputs[0].is_planned) == (True, False)
    limited = replace(ctx, administrators=frozenset({"root"}))
    with pytest.raises(Forbidden):
        publications.publish(limited, view.run.id, by=person("mallory"))
    publications.publish(ctx, view.run.id, by=person("someone"))
    publications.publish(ctx, view.run.id, by=person("someone"))
    publish()
    assert files(ctx) == {"out.csv": "1"}
    assert not publications.list_outputs(ctx, view.run.id).may_publish


def test_a_run_that_has_not_succeeded_or_declares_nothing_cannot_be_published(ctx, submit, finish):
    view = submit()
    with pytest.raises(Conflict):
        publications.publish(ctx, view.run.id, by=ANN)
    ctx.notebooks.outputs = ()
    nothing = finish(submit("/notebooks/other.ipynb"))
    with pytest.raises(Conflict, match="has no outputs"):
        publications.publish(ctx, nothing.run.id, by=ANN)


# --- who wins a path ------------------------------------------------------------------------------


def test_an_older_run_never_overwrites_a_newer_one_whichever_ends_first(ctx, submit, finish, publish, clock):
    older = submit()
    clock.advance(1)
    newer = submit()
    finish(newer, out_csv="newer")
    publish()
    finish(older, out_csv="older")
    publish()
    assert files(ctx) == {"out.csv": "newer"}
    refused = only(ctx, older)
    assert (refused.state, refused.reason.code) == (STATES.REFUSED, "superseded")


def test_that_holds_also_when_the_newer_run_is_deleted(ctx, submit, finish, publish, clock):
    older = submit()
    clock.advance(1)
    newer = finish(submit(), out_csv="newer")
    publish()
    retention.delete(ctx, newer.run.id, by=person("someone"))
    finish(older, out_csv="older")
    publish()
    assert files(ctx) == {"out.csv": "newer"}
    assert only(ctx, older).reason.code == "superseded"


def test_a_newer_run_that_comes_in_the_last_moment_wins(ctx, submit, finish, publish, clock):
    older = submit()
    clock.advance(1)
    newer = submit(publish=False).run

    def overtake(path: str) -> None:
        # Another engine decides for the newer run, while the older one has written its bytes but not replaced the file.
        ctx.output_folders.before_replacing = lambda _: None
        with ctx.store.begin() as tx:
            known = tx.publications.lock_place(FOLDER, path)
            tx.publications.put_file(replace(known, run_id=newer.id))

    ctx.output_folders.before_replacing = overtake
    finish(older, out_csv="older")
    publish()
    assert files(ctx) == {}
    assert only(ctx, older).reason.code == "superseded"


def test_a_newer_run_of_the_same_job_replaces_what_the_older_one_published(ctx, submit, finish, publish):
    for text in ("1", "2"):
        finish(submit(), out_csv=text)
        publish()
    assert files(ctx) == {"out.csv": "2"}


def test_a_path_of_another_job_is_refused_unless_overwrite_says_so(ctx, submit, finish, publish, clock):
    finish(submit(), out_csv="sales")
    publish()
    clock.advance(1)
    other = finish(submit("/notebooks/other.ipynb"), out_csv="other")
    publish()
    assert (only(ctx, other).reason.code, files(ctx)) == ("output_of_another_job", {"out.csv": "sales"})
    publications.publish(ctx, other.run.id, overwrite=True, by=person("someone"))
    publish()
    assert files(ctx) == {"out.csv": "other"}


def test_a_file_of_a_person_is_not_overwritten_unless_overwrite_says_so(ctx, submit, finish, publish):
    ctx.output_folders.files[FOLDER] = {"out.csv": b"mine"}
    view = finish(submit(), out_csv="1")
    publish()
    assert (only(ctx, view).reason.code, files(ctx)) == ("not_published_before", {"out.csv": "mine"})
    publications.publish(ctx, view.run.id, overwrite=True, by=person("someone"))
    publish()
    assert (only(ctx, view).state, files(ctx)) == (STATES.PUBLISHED, {"out.csv": "1"})


def test_a_published_file_that_a_person_changed_is_theirs(ctx, submit, finish, publish):
    finish(submit(), out_csv="1")
    publish()
    ctx.output_folders.files[FOLDER]["out.csv"] = b"corrected by hand"
    second = finish(submit(), out_csv="2")
    publish()
    assert (only(ctx, second).reason.code, files(ctx)) == ("not_published_before", {"out.csv": "corrected by hand"})


def test_a_file_of_a_person_with_the_same_bytes_is_no_reason_to_refuse(ctx, submit, finish, publish):
    ctx.output_folders.files[FOLDER] = {"out.csv": b"1"}
    view = finish(submit(), out_csv="1")
    publish()
    assert only(ctx, view).state is STATES.PUBLISHED


# --- where ----------------------------------------------------------------------------------------


def environment(ctx: Services, **changes: object) -> None:
    with ctx.store.begin() as tx:
        tx.environments.put(replace(tx.environments.get(SANDBOX), **changes), at=ctx.clock.now(), by=ENGINE)


def test_an_environment_may_have_a_folder_of_its_own(ctx, submit, finish, publish):
    environment(ctx, output_folder="/srv/reports")
    finish(submit(), out_csv="1")
    publish()
    assert (files(ctx), files(ctx, "/srv/reports")) == ({}, {"out.csv": "1"})


def test_a_guarded_environment_without_a_folder_offers_downloads_alone(ctx, submit, finish, publish):
    environment(ctx, guarded=True)
    view = finish(submit(), out_csv="1")
    publish()
    publication = only(ctx, view)
    assert (publication.state, publication.reason.code) == (STATES.OFFERED, "no_output_folder")
    _, stream = publications.open_output(ctx, view.run.id, "out.csv")
    assert stream.read() == b"1"
    assert ctx.output_folders.files == {}


def test_a_folder_that_the_machine_does_not_allow_leaves_it_pending_with_the_reason(ctx, submit, finish, publish):
    environment(ctx, output_folder="/etc")
    ctx.output_folders.refused.add("/etc")
    view = finish(submit(), out_csv="1")
    publish()
    assert "/etc" in only(ctx, view).reason.message
    assert only(ctx, view).state is STATES.PENDING


# --- faults ---------------------------------------------------------------------------------------


def test_a_full_disk_leaves_it_pending_with_a_reason_and_it_is_tried_again_later(ctx, submit, finish, publish, clock):
    ctx.output_folders.fails[FOLDER] = OSError(errno.ENOSPC, "No space left on device")
    view = finish(submit(), out_csv="1")
    publish()
    waiting = only(ctx, view)
    assert runs.get(ctx, view.run.id).run.state is RunState.SUCCEEDED
    assert (waiting.state, waiting.tries) == (STATES.PENDING, 1)
    assert waiting.reason.message == f"{FOLDER}: No space left on device. It is tried again."
    publish()
    assert only(ctx, view).tries == 1
    ctx.output_folders.fails.clear()
    clock.advance(10)
    publish()
    assert (only(ctx, view).state, files(ctx)) == (STATES.PUBLISHED, {"out.csv": "1"})


def test_bytes_that_are_gone_are_refused_and_not_published(ctx, submit, finish, publish):
    ctx.output_folders.fails[FOLDER] = OSError(errno.EIO, "down")
    view = finish(submit(), out_csv="1")
    publish()
    del ctx.blobs._stored[only(ctx, view).digest]
    ctx.output_folders.fails.clear()
    ctx.clock.advance(10)
    publish()
    assert (only(ctx, view).state, files(ctx)) == (STATES.REFUSED, {})


class Killed(BaseException):
    pass


@pytest.mark.parametrize("moment", range(1, 9))
def test_an_engine_that_dies_at_any_moment_is_followed_by_one_that_publishes_all(
    ctx, submit, finish, monkeypatch, clock, moment
):
    """Let the process die in each call to the store or the folder in turn, after the call has done its work."""
    ctx.notebooks.outputs = (Output("a.csv"), Output("b.csv"))
    ctx.output_folders.fails[FOLDER] = OSError(errno.EIO, "down")
    view = finish(submit(), a_csv="1", b_csv="2")
    ctx.output_folders.fails.clear()
    clock.advance(10)
    with ctx.store.read() as tx:
        fence = tx.leases.get("engine").token
    calls = 0
    begin, kinds = ctx.store.begin, type(ctx.output_folders.open(FOLDER, is_workspace=True))
    put = kinds.put

    def count() -> None:
        nonlocal calls
        calls += 1
        if calls == moment:
            raise Killed

    class Dying:
        def __init__(self, inner: object) -> None:
            self._inner = inner

        def __enter__(self) -> object:
            return self._inner.__enter__()

        def __exit__(self, *error: object) -> object:
            done = self._inner.__exit__(*error)
            count()
            return done

    def dying_put(*given: object, **more: object) -> bool:
        done = put(*given, **more)
        count()
        return done

    monkeypatch.setattr(ctx.store, "begin", lambda **more: Dying(begin(**more)))
    monkeypatch.setattr(kinds, "put", dying_put)
    try:
        publications.publish_due(ctx, FOLDER, fence=fence)
    except Killed:
        pass
    monkeypatch.undo()
    publications.publish_due(ctx, FOLDER, fence=fence)
    assert files(ctx) == {"a.csv": "1", "b.csv": "2"}
    told = json.loads(ctx.output_folders.files[FOLDER][MANIFEST])["files"]
    assert sorted(told) == ["a.csv", "b.csv"]
    with ctx.store.read() as tx:
        assert {each.state for each in tx.publications.list_for_run(view.run.id)} == {STATES.PUBLISHED}


def test_an_engine_that_no_longer_leads_replaces_nothing(ctx, submit, finish, clock):
    ctx.output_folders.fails[FOLDER] = OSError(errno.EIO, "down")
    finish(submit(), out_csv="1")
    ctx.output_folders.fails.clear()
    clock.advance(10)
    with ctx.store.read() as tx:
        lease = tx.leases.get("engine")

    def lose(_: str) -> None:
        with ctx.store.begin() as tx:
            tx.leases.acquire(replace(lease, holder="another", token=lease.token + 1), instead_of=lease)

    ctx.output_folders.before_replacing = lose
    with pytest.raises(Conflict):
        publications.publish_due(ctx, FOLDER, fence=lease.token)
    assert files(ctx) == {}
