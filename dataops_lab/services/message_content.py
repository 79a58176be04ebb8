"""The words of a message: what happened, in one look, and the way to it.

Texts of people, notebooks and errors are data in here: masked as records are, cut, and escaped where they are shown.
"""

from __future__ import annotations

import datetime as dt
import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ..domain.mails import MAIL_VALUE, MailWish, read_wish
from ..domain.message_pages import (
    Code,
    Command,
    Facts,
    Heading,
    Items,
    Link,
    Paragraph,
    Part,
    as_html,
    as_text,
    first_lines,
    last_lines,
    one_line,
)
from ..domain.notifications import MAX_SUBJECT_LENGTH, Content, Message, MessageKind
from ..domain.runs import Run, RunState
from ..domain.ticks import in_words
from ..domain.timetables import zone_of
from ..errors import DataOpsError, NotFound, SecretsLocked
from ..runner.masking import Masking
from . import comparisons, runs
from .context import Services
from .failures import find_failing_cell
from .masking import mask_for, mask_parameters
from .message_reports import MailReport, build_report, notes_of
from .runs import RunView

SOURCE_LINES = 12
ERROR_LINES = 12
MAX_LINE = 300
MAX_PARAMETERS = 20
MAX_LISTED = 50

_WORDS: Mapping[MessageKind, str] = {
    MessageKind.FAILURE: "failed",
    MessageKind.RECOVERY: "succeeded again",
    MessageKind.LATE: "is late",
    MessageKind.MISSED: "missed a start",
    MessageKind.REFUSED: "could not start",
    MessageKind.PAUSED: "is paused",
    MessageKind.SUCCESS: "succeeded",
    MessageKind.DURATION_WARNING: "takes longer than expected",
    MessageKind.APPROVAL_WANTED: "waits for an approval",
    MessageKind.APPROVAL_GIVEN: "was decided",
    MessageKind.DIGEST: "has news",
    MessageKind.TEST: "was tried out",
}
_RESULTS = (MessageKind.SUCCESS, MessageKind.RECOVERY)


@dataclass(frozen=True)
class _Told:
    """The message with all that is known of its run. `view` is None where there is no run, or it was deleted.

    `mask` is None where the secrets of the environment cannot be read: then nothing is told that could hold one.
    """

    message: Message
    view: RunView | None
    mask: Masking | None

    @property
    def payload(self) -> Mapping[str, Any]:
        return self.message.payload

    def masked(self, text: object) -> str:
        return "" if self.mask is None else self.mask.mask_text(str(text))


def content_of(ctx: Services, message: Message) -> Content:
    """Return what a message says. It may read records, so call it outside of any transaction."""
    if message.kind is MessageKind.DIGEST:
        return _digest(ctx, message)
    told = _Told(message, _view(ctx, message.payload.get("run")), _mask(ctx, message.payload.get("environment")))
    wish, report = _report(ctx, told)
    subject = one_line(told.masked(wish.subject or "") or _headline(told), MAX_SUBJECT_LENGTH)
    link, command = _link(ctx, told), _command(told)
    parts: list[Part] = [
        Heading(subject),
        *([Paragraph(first_lines(told.masked(wish.text), 200, 2000))] if wish.text else ()),
        *_happened(told),
        *_failure(ctx, told),
        *report.parts,
        *_facts(told),
        *notes_of(report),
        *([Link(_label(message.kind), link)] if link else ()),
        *([Command(command)] if command and not link else ()),
    ]
    return Content(
        subject,
        as_text(parts),
        html=as_html(subject, parts),
        link=link,
        command=command,
        images=tuple(report.images),
        attachments=tuple(report.attachments),
        event={"type": str(message.kind), "timestamp": message.created_at.isoformat(), "data": _masked_data(told)},
    )


def _masked_data(told: _Told) -> dict[str, Any]:
    """Return the payload for programs. It has no secrets; a reason may quote what an environment got since."""
    data = dict(told.payload)
    if told.mask is None:
        return {**data, "reason": None}
    masked: dict[str, Any] = told.mask.mask_value(data)
    return masked


def _view(ctx: Services, run_id: str | None) -> RunView | None:
    try:
        return runs.get(ctx, run_id) if run_id else None
    except NotFound:
        return None  # Somebody has deleted it meanwhile.


def _mask(ctx: Services, environment: str | None) -> Masking | None:
    try:
        return mask_for(ctx, environment) if environment else Masking()
    except SecretsLocked:
        return None


# --- what happened --------------------------------------------------------------------------------


def _name(payload: Mapping[str, Any]) -> str:
    named = payload.get("schedule") or payload.get("job") or {}
    return one_line(named.get("name") or "A run", 120)


def _headline(told: _Told) -> str:
    payload = told.payload
    presets = payload.get("presets") or ()
    if presets and told.message.kind in (MessageKind.FAILURE, MessageKind.REFUSED):
        return _in_environment(f"{_name(payload)}: {_summary(presets)}", payload)
    preset = f" for {one_line(payload['preset'], 60)}" if payload.get("preset") else ""
    words = "will be late" if payload.get("foreseen") else _WORDS[told.message.kind]
    return _in_environment(f"{_name(payload)} {words}{preset}", payload)


def _in_environment(text: str, payload: Mapping[str, Any]) -> str:
    environment = payload.get("environment")
    return f"{text} ({one_line(environment, 60)})" if environment else text


def _summary(presets: Iterable[Mapping[str, Any]]) -> str:
    """Say in one line what became of the presets: "3 of 4 ran, North failed"."""
    every = list(presets)
    ran = sum(each.get("state") == RunState.SUCCEEDED for each in every)
    failed = [one_line(each["preset"], 40) for each in every if each.get("kind") in _BAD]
    more = f" and {len(failed) - 3} more" if len(failed) > 3 else ""
    also = f", {', '.join(failed[:3])}{more} failed" if failed else ""
    return f"{ran} of {len(every)} ran{also}"


_BAD = (MessageKind.FAILURE, MessageKind.REFUSED)


def _happened(told: _Told) -> Iterator[Part]:
    payload, kind = told.payload, told.message.kind
    reason = told.masked((payload.get("reason") or {}).get("message") or "")
    match kind:
        case MessageKind.LATE:
            due = _time(payload.get("due"), payload)
            if payload.get("foreseen"):
                yield Paragraph(first_lines(reason, 10, MAX_LINE) or f"It is due {due}.")
                return
            yield Paragraph(f"It was due {due}, and no run has succeeded. {_state_in_words(told.view)}")
        case MessageKind.MISSED:
            count = payload.get("count") or 1
            yield Paragraph("A start was missed." if count == 1 else f"{count:,} starts were missed.")
        case MessageKind.PAUSED:
            yield Paragraph(
                f"It was paused after {payload.get('failures')} failures in a row. Nothing starts until it is resumed."
            )
        case MessageKind.DURATION_WARNING:
            elapsed, limit = (in_words(payload.get(name) or 0) for name in ("elapsed_s", "warned_after_s"))
            yield Paragraph(f"It has run for {elapsed}. Its last successes took less than {limit}.")
        case MessageKind.APPROVAL_WANTED:
            yield Paragraph(f"Step {_step(payload)} waits: {told.masked(payload.get('ask') or '')}")
        case MessageKind.APPROVAL_GIVEN:
            verb = "approved" if payload.get("approved") else "rejected"
            who = one_line((payload.get("by") or {}).get("name") or "Somebody", 100)
            yield Paragraph(f"{who} {verb} step {_step(payload)}.")
            if comment := told.masked(payload.get("comment") or ""):
                yield Paragraph(f"“{first_lines(comment, 10, MAX_LINE)}”")
    if kind in (MessageKind.MISSED, MessageKind.REFUSED, MessageKind.PAUSED) and reason:
        yield Paragraph(first_lines(reason, 10, MAX_LINE))
    if presets := payload.get("presets"):
        yield Items(tuple(_preset_in_words(told, each) for each in presets[:MAX_LISTED]))


def _step(payload: Mapping[str, Any]) -> str:
    step = payload.get("step") or {}
    return one_line(step.get("title") or step.get("id") or "", 100)


def _state_in_words(view: RunView | None) -> str:
    if view is None:
        return "There is no run yet."
    state = view.run.state
    if state.is_terminal:
        return f"Its run ended: {state}."
    return "Its run waits in the queue." if state is RunState.QUEUED else "Its run has not ended."


def _preset_in_words(told: _Told, preset: Mapping[str, Any]) -> str:
    reason = told.masked(preset.get("reason") or "")
    return one_line(f"{preset['preset']}: {preset['state']}{f': {reason}' if reason else ''}", 300)


# --- a failure ------------------------------------------------------------------------------------


def _failure(ctx: Services, told: _Told) -> Iterator[Part]:
    """Yield the cell that failed with its error, the failed steps of a pipeline, and the difference from a success."""
    view = told.view
    if view is None or told.message.kind not in (MessageKind.FAILURE, MessageKind.PAUSED):
        return
    if told.mask is None:
        yield Paragraph("The secrets of the environment cannot be read, so the error is shown in the record alone.")
        return
    run = view.run
    if cell := find_failing_cell(ctx, view):
        where = f"Cell {cell.number} failed{f' ({one_line(cell.id, 70)})' if cell.id else ''}:"
        yield Paragraph(where)
        yield Code(first_lines(told.masked(cell.source), SOURCE_LINES, MAX_LINE))
    if run.reason is not None:
        yield Code(_error(told, run), is_error=True)
    if view.progress is not None and (failed := _failed_steps(told, view)):
        yield Items(failed)
    if run.state.is_terminal and run.state is not RunState.SUCCEEDED:
        try:
            yield Paragraph(told.masked(comparisons.of_run(ctx, run.id).line))
        except DataOpsError:
            return  # The message must not fail on what helps to understand it.


def _error(told: _Told, run: Run) -> str:
    assert run.reason is not None
    detail = run.reason.detail
    error = f"{detail['ename']}: {detail.get('evalue', '')}" if detail.get("ename") else run.reason.message
    traceback = detail.get("traceback")
    if detail.get("cell") is None and isinstance(traceback, list) and traceback:
        # A script has no cell that could be shown: the end of its error says where it failed.
        return last_lines(told.masked("\n".join(map(str, traceback))), ERROR_LINES, MAX_LINE)
    return first_lines(told.masked(error), ERROR_LINES, MAX_LINE)


def _failed_steps(told: _Told, view: RunView) -> tuple[str, ...]:
    assert view.progress is not None
    failed = [(name, status) for name, status in view.progress.statuses.items() if status.state.is_failure]
    return tuple(
        one_line(f"{name}: {told.masked(status.reason.message) if status.reason else status.state}", 300)
        for name, status in failed[:MAX_LISTED]
    )


# --- facts and the way on -------------------------------------------------------------------------


def _facts(told: _Told) -> Iterator[Part]:
    payload, view = told.payload, told.view
    rows = [("Job", one_line((payload.get("job") or {}).get("name") or "", 120))]
    if payload.get("preset"):
        rows.append(("Preset", one_line(payload["preset"], 100)))
    if payload.get("nominal"):
        rows.append(("Nominal time", _time(payload["nominal"], payload)))
    if view is not None:
        run = view.run
        if run.started_at and run.finished_at:
            rows.append(("Took", in_words((run.finished_at - run.started_at).total_seconds())))
        rows += [("Version", str(view.version.number)), ("Run", run.id)]
    yield Facts(tuple((name, value) for name, value in rows if value))
    if view is not None and view.run.parameters and told.mask is not None:
        shown = list(mask_parameters(told.mask, view.run.parameters).items())
        yield Facts(tuple((one_line(name, 60), _shown(value)) for name, value in shown[:MAX_PARAMETERS]))
        if len(shown) > MAX_PARAMETERS:
            yield Paragraph(f"{len(shown) - MAX_PARAMETERS} more parameters are in the record.", is_quiet=True)


def _shown(value: Any) -> str:
    return one_line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), 200)


def _time(text: str | None, payload: Mapping[str, Any]) -> str:
    """Return an instant as people in the schedule's time zone read it."""
    if not text:
        return ""
    timezone = (payload.get("schedule") or {}).get("timezone") or "UTC"
    return f"{dt.datetime.fromisoformat(text).astimezone(zone_of(timezone)):%Y-%m-%d %H:%M} {timezone}"


def _label(kind: MessageKind) -> str:
    return {
        MessageKind.APPROVAL_WANTED: "Look and decide",
        MessageKind.MISSED: "Open the schedule",
        MessageKind.REFUSED: "Open the schedule",
        MessageKind.PAUSED: "Open the schedule",
    }.get(kind, "Open the record")


_OF_SCHEDULE = (MessageKind.MISSED, MessageKind.REFUSED, MessageKind.PAUSED)


def _link(ctx: Services, told: _Told) -> str | None:
    """Return the address of the run or schedule in JupyterLab; None where this installation has no public address."""
    if ctx.public_url is None:
        return None
    return link_to(ctx.public_url, *_target(told)) if _target(told) else None


def link_to(public_url: str, kind: str, name: str) -> str:
    """Return the address at which JupyterLab opens a `run` or `schedule`."""
    return f"{public_url.rstrip('/')}/lab?dataops-{kind}={quote(name, safe='')}"


def _target(told: _Told) -> tuple[str, str] | tuple[()]:
    schedule, run = told.payload.get("schedule"), told.payload.get("run")
    if schedule and (told.message.kind in _OF_SCHEDULE or not run):
        return "schedule", schedule["id"]
    return ("run", run) if run else ()


def _command(told: _Told) -> str | None:
    payload, kind = told.payload, told.message.kind
    schedule, run, step = payload.get("schedule"), payload.get("run"), payload.get("step")
    if kind is MessageKind.APPROVAL_WANTED and run and step:
        return shlex.join(["jupyter", "dataops", "runs", "approve", run, str(step["id"])])
    if kind is MessageKind.PAUSED and schedule:
        return shlex.join(["jupyter", "dataops", "schedule", "resume", str(schedule["id"])])
    target = _target(told)
    if not target:
        return None
    noun, name = target
    return shlex.join(["jupyter", "dataops", "runs" if noun == "run" else "schedule", "show", name])


# --- the report -----------------------------------------------------------------------------------


def _report(ctx: Services, told: _Told) -> tuple[MailWish, MailReport]:
    """Return the wish of the notebook, and the report of a run that succeeded. Failures have neither."""
    view = told.view
    if told.message.kind not in _RESULTS or view is None or view.record is None or told.mask is None:
        return MailWish(), MailReport()
    wish = read_wish({MAIL_VALUE: view.record.values.get(MAIL_VALUE)})
    return wish, build_report(ctx, view, wish, told.mask)


# --- several messages in one ----------------------------------------------------------------------


def _digest(ctx: Services, message: Message) -> Content:
    """Tell in a line each of the messages that were held back."""
    payload = message.payload
    every, count = payload.get("messages") or (), int(payload.get("count") or 0)
    subject = f"{count or len(every):,} message{'' if (count or len(every)) == 1 else 's'} from dataops_lab"
    lines = []
    for each in every[:MAX_LISTED]:
        inner = Message(
            message.id,
            MessageKind(each["kind"]),
            message.subject,
            each["payload"],
            dt.datetime.fromisoformat(each["at"]),
            message.not_before,
        )
        told = _Told(inner, None, _mask(ctx, each["payload"].get("environment")))
        reason = told.masked((each["payload"].get("reason") or {}).get("message") or "")
        at = f"{inner.created_at.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
        lines.append(one_line(f"{at}: {_headline(told)}{f': {reason}' if reason else ''}", 300))
    more = max(count, len(every)) - len(lines)
    parts: list[Part] = [
        Heading(subject),
        Items(tuple(lines)),
        *([Paragraph(f"{more:,} more are not listed.", is_quiet=True)] if more > 0 else ()),
        Command("jupyter dataops runs list"),
    ]
    event = {"type": str(message.kind), "timestamp": message.created_at.isoformat(), "data": {"count": count}}
    return Content(
        subject, as_text(parts), html=as_html(subject, parts), command="jupyter dataops runs list", event=event
    )
