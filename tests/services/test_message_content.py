"""The words of messages: what happened in one look, hostile words harmless, and no secret anywhere."""

from __future__ import annotations

import base64
import datetime as dt
import json
from dataclasses import replace
from typing import Any

import pytest

from dataops_lab.domain.events import Subject, SubjectKind
from dataops_lab.domain.mails import MAIL_VALUE
from dataops_lab.domain.notifications import Content, Message, MessageKind
from dataops_lab.domain.runs import RunState, Submission
from dataops_lab.errors import SecretsLocked
from dataops_lab.notebooks import LocalNotebooks
from dataops_lab.rundir import protocol
from dataops_lab.services import message_reports, runs, secrets
from dataops_lab.services.message_content import content_of
from dataops_lab.testing import FakeVault, person

from ..schedule_lab import ScheduleLab

ADA = person("ada")
CANARY = "canary-7f3a9-<&>'\"x"
AT = dt.datetime(2026, 3, 2, 8, 0, tzinfo=dt.UTC)
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def database(sqlite: str) -> str:
    """SQLite alone: nothing here has a statement of its own."""
    return sqlite


@pytest.fixture
def ctx(ctx):
    return replace(ctx, notebooks=LocalNotebooks(ctx.blobs))


@pytest.fixture
def lab(ctx, executor, clock) -> ScheduleLab:
    return ScheduleLab(ctx, executor, clock)


def cell(source: str, outputs: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    cell = {"cell_type": "code", "id": more.pop("id", "c1"), "metadata": {}, "execution_count": None}
    return {**cell, "outputs": outputs or [], "source": source, **more}


def notebook(*cells: dict[str, Any]) -> str:
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": list(cells)})


@pytest.fixture
def ran(ctx, lab, tmp_path):
    """A function that runs a notebook, and ends it with this result and these files."""

    def run(
        source: str = "print(1)",
        *,
        failure: dict[str, Any] | None = None,
        outputs: list[Any] | None = None,
        values: dict[str, Any] | None = None,
        artifacts: dict[str, bytes] | None = None,
        name: str = "sales",
        **given: Any,
    ) -> str:
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        parameters = cell("region = 'North'", id="p", metadata={"tags": ["parameters"]})
        (work / "sales.ipynb").write_text(notebook(parameters, cell(source)))
        submission = Submission(path=str(work / "sales.ipynb"), root=str(work), name=name, **given)
        run_id = runs.submit(ctx, submission, by=ADA).view.run.id
        lab.settle()
        attempt = next(each for each in lab.executor.alive if each.startswith(run_id))
        folder = lab.executor.directory(attempt)
        (folder / protocol.OUTPUT).write_text(notebook(cell(source, outputs)))
        (folder / protocol.VALUES).write_text(json.dumps(values or {}))
        for path, data in (artifacts or {}).items():
            (folder / protocol.ARTIFACTS / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / protocol.ARTIFACTS / path).write_bytes(data)
        lab.executor.end(attempt, "failed" if failure else "succeeded", failure=failure)
        lab.settle()
        ended = runs.get(ctx, run_id).run
        assert ended.state is (RunState.FAILED if failure else RunState.SUCCEEDED)
        return run_id

    return run


def message(kind: MessageKind, run: str | None = None, **payload: Any) -> Message:
    facts: dict[str, Any] = {
        "schedule": {"id": "S1", "name": "Monthly sales", "timezone": "Europe/Paris"},
        "job": {"id": "J1", "name": "sales"},
        "environment": "sandbox",
        "owner": "ada",
        "nominal": "2026-03-02T08:00:00+00:00",
        "preset": "",
        "count": 1,
        "run": run,
        "reason": None,
        "due": None,
        "failures": 0,
    }
    return Message("M", kind, Subject(SubjectKind.SCHEDULE, "S1"), {**facts, **payload}, AT, AT)


def everything(content: Content) -> str:
    """Return all that leaves, attachments and pictures included."""
    files = b"\n".join(file.data + file.name.encode() for file in (*content.images, *content.attachments))
    words = [content.subject, content.text, content.html or "", content.link or "", content.command or ""]
    return "\n".join([*words, json.dumps(content.event), files.decode("latin-1")])


FAILURE = {"code": "cell_error", "message": "KeyError: 'total'", "cell": 1, "ename": "KeyError", "evalue": "'total'"}


def test_a_failure_shows_the_cell_the_error_the_parameters_and_the_way_to_the_record(ctx, ran):
    good = ran("row['sum']")
    run = ran("row['total']", failure=FAILURE)
    content = content_of(ctx, message(MessageKind.FAILURE, run, preset="north"))
    assert content.subject == "Monthly sales failed for north (sandbox)"
    for part in (
        "Cell 2 failed (c1):\n\n    row['total']",
        "    KeyError: 'total'",
        "Since the last success",
        "cell 2 changed (ada",
        "Nominal time  2026-03-02 09:00 Europe/Paris",
        f"jupyter dataops runs show {run}",
    ):
        assert part in content.text
    assert content.command == f"jupyter dataops runs show {run}"
    assert content.link is None
    assert good not in content.text
    assert not content.attachments
    content.check()


def test_with_a_public_address_a_message_links_to_the_record(ctx, ran):
    ctx = replace(ctx, public_url="https://hub.example/user/ada")
    run = ran(failure=FAILURE)
    content = content_of(ctx, message(MessageKind.FAILURE, run))
    assert content.link == f"https://hub.example/user/ada/lab?dataops-run={run}"
    assert content.link in content.text
    paused = content_of(ctx, message(MessageKind.PAUSED, run, failures=5))
    assert paused.link == "https://hub.example/user/ada/lab?dataops-schedule=S1"
    assert paused.command == "jupyter dataops schedule resume S1"


PRESETS = [
    {"preset": "North", "state": "failed", "kind": "failure", "run": "R1", "reason": "KeyError"},
    {"preset": "South", "state": "succeeded", "kind": None, "run": "R2", "reason": None},
]


SAID_OF_KINDS = [
    (message(MessageKind.RECOVERY), "Monthly sales succeeded again (sandbox)", ""),
    (
        message(MessageKind.LATE, due="2026-03-02T08:00:00+00:00"),
        "Monthly sales is late (sandbox)",
        "It was due 2026-03-02 09:00 Europe/Paris, and no run has succeeded. There is no run yet.",
    ),
    (message(MessageKind.MISSED, count=3), "Monthly sales missed a start (sandbox)", "3 starts were missed."),
    (
        message(MessageKind.REFUSED, reason={"code": "x", "message": "The folder is gone."}),
        "Monthly sales could not start (sandbox)",
        "The folder is gone.",
    ),
    (message(MessageKind.PAUSED, failures=5), "Monthly sales is paused (sandbox)", "after 5 failures in a row"),
    (message(MessageKind.SUCCESS), "Monthly sales succeeded (sandbox)", ""),
    (
        message(MessageKind.DURATION_WARNING, elapsed_s=4000, warned_after_s=600),
        "Monthly sales takes longer than expected (sandbox)",
        "It has run for 1 h 6 min. Its last successes took less than 10 min.",
    ),
    (
        message(MessageKind.APPROVAL_WANTED, "R1", step={"id": "publish", "title": ""}, ask="Publish it?"),
        "Monthly sales waits for an approval (sandbox)",
        "Step publish waits: Publish it?",
    ),
    (
        message(MessageKind.APPROVAL_GIVEN, step={"id": "publish"}, approved=False, by={"name": "Bob"}, comment="No"),
        "Monthly sales was decided (sandbox)",
        "Bob rejected step publish.",
    ),
    (
        message(MessageKind.FAILURE, presets=PRESETS),
        "Monthly sales: 1 of 2 ran, North failed (sandbox)",
        "- North: failed: KeyError\n- South: succeeded",
    ),
]


def test_each_kind_says_what_happened(ctx):
    for told, subject, said in SAID_OF_KINDS:
        content = content_of(ctx, told)
        assert content.subject == subject
        assert said in content.text
        assert content.event["type"] == told.kind
        content.check()


def test_each_kind_has_words(ctx):
    for kind in MessageKind:
        content_of(ctx, message(kind)).check()


def test_a_digest_lists_its_messages(ctx):
    inner = {"kind": "failure", "at": AT.isoformat(), "payload": dict(message(MessageKind.FAILURE).payload)}
    content = content_of(ctx, message(MessageKind.DIGEST, count=3, messages=[inner, inner]))
    assert content.subject == "3 messages from dataops_lab"
    assert content.text.count("2026-03-02 08:00 UTC: Monthly sales failed (sandbox)") == 2
    assert "1 more are not listed" in content.text


HOSTILE = "</pre><script>alert(1)</script>\r\nBcc: all@example.org\x1b[31m{{7*7}}{a.__class__}"


def test_hostile_words_stay_words(ctx, ran):
    failure = {**FAILURE, "ename": HOSTILE, "evalue": HOSTILE, "message": HOSTILE}
    run = ran(HOSTILE, failure=failure, name=f"x{HOSTILE}", parameters={"region": HOSTILE})
    told = message(
        MessageKind.FAILURE,
        run,
        schedule={"id": HOSTILE, "name": HOSTILE, "timezone": "UTC"},
        job={"id": "J", "name": HOSTILE},
        preset=HOSTILE,
        reason={"code": "x", "message": HOSTILE},
    )
    content = content_of(replace(ctx, public_url="https://hub.example"), told)
    assert "<script" not in content.html
    assert len(content.subject.splitlines()) == 1
    assert "{{7*7}}" in content.subject
    assert not {"\r", "\x1b"} & set(content.subject + content.text + content.html)
    assert len(content.link.splitlines()) == 1


# --- the report -----------------------------------------------------------------------------------


def picture(data: bytes = PNG, mime: str = "image/png") -> dict[str, Any]:
    encoded = base64.b64encode(data).decode()
    return {"output_type": "display_data", "metadata": {}, "data": {mime: encoded, "text/plain": "<Figure>"}}


def text(words: str) -> dict[str, Any]:
    return {"output_type": "execute_result", "metadata": {}, "data": {"text/plain": words}, "execution_count": 1}


SAID = {"output_type": "stream", "name": "stdout", "text": ["Sales of March\n", "up 4 %\n"]}
WARNED = {"output_type": "stream", "name": "stderr", "text": "FutureWarning"}


def test_a_success_has_its_outputs_in_order_the_pictures_inside_and_the_report_attached(ctx, ran):
    run = ran(outputs=[SAID, WARNED, picture(), text("     sum\nday  10")])
    content = content_of(ctx, message(MessageKind.SUCCESS, run))
    (image,) = content.images
    assert (image.name, image.media_type, image.data) == ("output-1.png", "image/png", PNG)
    words = content.text
    assert words.index("Sales of March") < words.index("[<Figure>]") < words.index("    day  10")
    assert "FutureWarning" not in words
    assert 'src="cid:output-1.png"' in content.html
    assert [(file.name, file.media_type) for file in content.attachments] == [("sales.html", "text/html")]
    content.check()


@pytest.mark.parametrize(
    "output",
    [
        {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<script>x</script>"}},
        {"output_type": "display_data", "metadata": {}, "data": {"application/javascript": "alert(1)"}},
        {"output_type": "display_data", "metadata": {}, "data": {"image/svg+xml": "<svg onload='x'/>"}},
        picture(b"<svg/>"),
        picture(PNG + b"\0" * message_reports.MAX_IMAGE_BYTES),
        {"output_type": "display_data", "metadata": {}, "data": {"image/png": "no base64 !"}},
        {"output_type": "display_data", "data": 5},
    ],
)
def test_an_output_that_could_act_or_is_too_large_is_left_out_and_said(ctx, ran, output):
    content = content_of(ctx, message(MessageKind.SUCCESS, ran(outputs=[output])))
    assert not content.images
    assert "1 output is only in the record" in content.text
    assert "<svg" not in content.html
    assert "alert(1)" not in content.html


def test_a_report_without_end_stays_within_bounds(ctx, ran):
    outputs = [text("&<>\"'" * 50 + "\n" * 2) for _ in range(200)] + [picture()] * 30
    content = content_of(ctx, message(MessageKind.SUCCESS, ran(outputs=outputs)))
    content.check()
    assert "outputs are only in the record" in content.text


def test_the_notebook_decides_on_subject_text_and_attachments(ctx, ran):
    wish = {
        "subject": "Sales of March",
        "text": "Up by 4 %.\nSee the table.",
        "attach": ["out/t.csv", "../etc", "gone"],
    }
    run = ran(values={MAIL_VALUE: wish}, artifacts={"out/t.csv": b"a,b\n"})
    content = content_of(ctx, message(MessageKind.SUCCESS, run))
    assert content.subject == "Sales of March"
    assert "Up by 4 %.\nSee the table." in content.text
    attached = {file.name: (file.media_type, file.data) for file in content.attachments}
    assert attached["t.csv"] == ("text/csv", b"a,b\n")
    assert "../etc is not an artifact of the run" in content.text
    assert "gone is not an artifact of the run" in content.text


def test_attachments_that_are_too_large_are_left_out_and_said(ctx, ran, monkeypatch):
    monkeypatch.setattr(message_reports, "MAX_ATTACHED_BYTES", 10)
    run = ran(
        values={MAIL_VALUE: {"attach": ["big.bin", "small.bin"]}}, artifacts={"big.bin": b"x" * 11, "small.bin": b"y"}
    )
    content = content_of(ctx, message(MessageKind.SUCCESS, run))
    assert [file.name for file in content.attachments] == ["small.bin"]
    assert "big.bin is too large to be attached" in content.text


def test_a_failure_takes_nothing_of_what_the_notebook_wished(ctx, ran):
    run = ran(failure=FAILURE, values={MAIL_VALUE: {"subject": "All is well", "text": "Ignore this."}})
    content = content_of(ctx, message(MessageKind.FAILURE, run))
    assert "All is well" not in everything(content)
    assert "Ignore this" not in everything(content)


# --- secrets --------------------------------------------------------------------------------------


def spellings(secret: str) -> list[str]:
    return [secret, json.dumps(secret)[1:-1], base64.b64encode(secret.encode()).decode().rstrip("=")[:-1]]


@pytest.mark.parametrize("is_good", [True, False])
def test_a_secret_is_in_nothing_that_leaves(ctx, ran, is_good):
    failure = {**FAILURE, "evalue": f"no {CANARY}", "message": f"KeyError: no {CANARY}"}
    outputs = [text(f"key: {CANARY}"), picture(PNG + CANARY.encode())]
    wish: dict[str, Any] = {"subject": f"S {CANARY}", "text": f"T {CANARY}", "attach": ["a.txt"]}
    ran("print(0)")
    # The secret is set after the run: its record was not masked for it.
    run = ran(
        f"key = {CANARY!r}",
        failure=None if is_good else failure,
        outputs=outputs,
        values={MAIL_VALUE: wish},
        artifacts={"a.txt": CANARY.encode()},
        parameters={"region": CANARY},
    )
    secrets.put(ctx, "sandbox", "KEY", CANARY, by=ADA)
    facts = {
        "reason": {"code": "x", "message": f"no {CANARY}"},
        "presets": [{"preset": "N", "state": "failed", "kind": "failure", "run": run, "reason": CANARY}],
        "step": {"id": "s"},
        "ask": CANARY,
        "comment": CANARY,
        "by": {"name": "Bob"},
    }
    for kind in MessageKind:
        inner = {"kind": str(kind), "at": AT.isoformat(), "payload": {**message(kind).payload, **facts}}
        content = content_of(ctx, message(kind, run, **facts, messages=[inner]))
        shown = everything(content)
        assert "canary-7f3a9" not in shown
        assert not [each for each in spellings(CANARY) if each in shown]
        assert "***" in shown


def test_where_the_secrets_cannot_be_read_nothing_is_told_that_could_hold_one(ctx, ran):
    class Locked(FakeVault):
        def open(self, sealed, *, bound_to):
            raise SecretsLocked("The key is not there.")

    secrets.put(ctx, "sandbox", "KEY", CANARY, by=ADA)
    run = ran(f"key = {CANARY!r}", failure={**FAILURE, "evalue": CANARY}, parameters={"region": CANARY})
    told = message(MessageKind.FAILURE, run, reason={"code": "x", "message": CANARY})
    content = content_of(replace(ctx, vault=Locked()), told)
    assert "canary-7f3a9" not in everything(content)
    assert "the error is shown in the record alone" in content.text


def test_a_run_that_was_deleted_meanwhile_leaves_what_the_message_knows(ctx):
    content = content_of(ctx, message(MessageKind.FAILURE, "01J00000000000000000000000"))
    assert content.subject == "Monthly sales failed (sandbox)"
    content.check()
