"""The report of a run in the body of a mail: texts and pictures of its outputs that cannot act, within bounds."""

from __future__ import annotations

import base64
import binascii
import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..domain.mails import MailWish
from ..domain.message_pages import Code, Paragraph, Part, Picture, first_lines, one_line
from ..domain.notifications import File
from ..domain.records import RecordFile, RecordFileKind
from ..errors import DataOpsError
from ..runner.masking import Masking
from . import records
from .context import Services
from .runs import RunView

MAX_NOTEBOOK_BYTES = 50 * 1024**2
"""The largest executed notebook that is read for a mail."""
MAX_OUTPUTS = 40
MAX_OUTPUT_LINES = 40
MAX_LINE = 300
MAX_TEXT = 60_000
"""The most characters of all outputs together."""
MAX_IMAGES = 12
MAX_IMAGE_BYTES = 1024**2
MAX_IMAGES_BYTES = 3 * 1024**2
MAX_ATTACHED_BYTES = 6 * 1024**2
"""Bytes of all attachments together. With the images they stay below the bound of a message."""

_PICTURES = {"image/png": (b"\x89PNG\r\n\x1a\n", "png"), "image/jpeg": (b"\xff\xd8\xff", "jpg")}
"""The types of pictures that mail programs show and that cannot act, with their first bytes and suffix."""
_MEDIA_TYPES = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".json": "application/json",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".zip": "application/zip",
}
"""The media types by which mail programs know a file. All others are bytes."""


@dataclass
class MailReport:
    """The parts of a body with their images and attachments. `notes` say what was left out."""

    parts: list[Part] = field(default_factory=list)
    images: list[File] = field(default_factory=list)
    attachments: list[File] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def build_report(ctx: Services, view: RunView, wish: MailWish, mask: Masking) -> MailReport:
    """Return the report of a run of a notebook that succeeded. Parts that cannot be read are named in its notes."""
    report = MailReport(notes=list(wish.problems))
    stored = view.record.find_file(RecordFileKind.NOTEBOOK) if view.record else None
    if stored is not None:
        _add_outputs(ctx, view, stored, report, mask)
        _attach_report(ctx, view, report, mask)
    for path in wish.attach:
        _attach_artifact(ctx, view, path, report, mask)
    return report


# --- outputs --------------------------------------------------------------------------------------


def _add_outputs(ctx: Services, view: RunView, stored: RecordFile, report: MailReport, mask: Masking) -> None:
    if stored.size > MAX_NOTEBOOK_BYTES:
        report.notes.append("The outputs are too large for a mail.")
        return
    try:
        notebook: Any = json.loads(records.executed_notebook(ctx, view.run.id))
        outputs = list(_outputs(notebook))
    except (DataOpsError, ValueError, RecursionError) as error:
        message = error.message if isinstance(error, DataOpsError) else "The executed notebook cannot be read."
        report.notes.append(message)
        return
    left_out = 0
    for output in outputs:
        if len(report.parts) == MAX_OUTPUTS or not _add_output(output, report, mask):
            left_out += 1
    if left_out:
        what = "1 output is" if left_out == 1 else f"{left_out} outputs are"
        report.notes.append(f"{what} only in the record: too large for a mail, or of a kind that mails do not show.")


def _outputs(notebook: Any) -> Iterator[Mapping[str, Any]]:
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    for cell in cells if isinstance(cells, list) else ():
        outputs = cell.get("outputs") if isinstance(cell, dict) else None
        for output in outputs if isinstance(outputs, list) else ():
            # Warnings and logs on standard error are not part of a result.
            if isinstance(output, dict) and output.get("name") != "stderr" and _is_shown(output):
                yield output


def _is_shown(output: Mapping[str, Any]) -> bool:
    data = output.get("data")
    # A recorded value is a fact of the record, and not a part of the report.
    return not (isinstance(data, dict) and any(str(mime).startswith(_VALUES) for mime in data))


_VALUES = ("application/vnd.dataops.", "application/scrapbook.")


def _add_output(output: Mapping[str, Any], report: MailReport, mask: Masking) -> bool:
    """Add an output in the first form that cannot act, and return True; False when it has none, or is too large."""
    if output.get("output_type") == "stream":
        return _add_text(_joined(output.get("text")), report, mask)
    data = output.get("data")
    if not isinstance(data, dict):
        return False
    text = _joined(data.get("text/plain"))
    for media_type in _PICTURES:
        if media_type in data:
            return _add_picture(media_type, _joined(data[media_type]), text, report, mask)
    return "text/plain" in data and _is_inert(data) and _add_text(text, report, mask)


def _is_inert(data: Mapping[str, Any]) -> bool:
    """Tell whether the text is worth a place: beside a chart that acts it is no more than a name of it."""
    return not any(str(mime).startswith(_ACTIVE) for mime in data)


_ACTIVE = ("application/vnd.", "application/javascript", "image/svg")


def _add_text(text: str, report: MailReport, mask: Masking) -> bool:
    if not text.strip():
        return True
    # Mask before it is cut: a part of a secret would not be found.
    shown = first_lines(mask.mask_text(text), MAX_OUTPUT_LINES, MAX_LINE)
    used = sum(len(part.text) for part in report.parts if isinstance(part, Code))
    if used + len(shown) > MAX_TEXT:
        return False
    report.parts.append(Code(shown))
    return True


def _add_picture(media_type: str, encoded: str, text: str, report: MailReport, mask: Masking) -> bool:
    start, suffix = _PICTURES[media_type]
    try:
        data = base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    used = sum(len(image.data) for image in report.images)
    if (
        not data.startswith(start)
        or len(report.images) == MAX_IMAGES
        or len(data) > MAX_IMAGE_BYTES
        or used + len(data) > MAX_IMAGES_BYTES
        or mask.contains_secret(data)
    ):
        return False
    name = f"output-{len(report.images) + 1}.{suffix}"
    report.images.append(File(name, media_type, data))
    report.parts.append(Picture(name, one_line(mask.mask_text(text) or "Picture", 200)))
    return True


def _joined(value: Any) -> str:
    return value if isinstance(value, str) else "".join(map(str, value)) if isinstance(value, list) else ""


# --- attachments ----------------------------------------------------------------------------------


def _attach_report(ctx: Services, view: RunView, report: MailReport, mask: Masking) -> None:
    try:
        with records.report(ctx, view.run.id, code=False) as page:
            data = page.read(MAX_ATTACHED_BYTES + 1)
    except DataOpsError as error:
        report.notes.append(error.message)
        return
    _attach(f"{_file_name(view.job.name)}.html", "text/html", data, report, mask)


def _attach_artifact(ctx: Services, view: RunView, path: str, report: MailReport, mask: Masking) -> None:
    shown = one_line(path, 100)
    try:
        found, source = records.artifact(ctx, view.run.id, path)
    except DataOpsError:
        report.notes.append(f"{shown} is not an artifact of the run, so it is not attached.")
        return
    with source:
        data = source.read(MAX_ATTACHED_BYTES + 1)
    suffix = posixpath.splitext(found.path)[1].lower()
    _attach(posixpath.basename(found.path), _MEDIA_TYPES.get(suffix, "application/octet-stream"), data, report, mask)


def _attach(name: str, media_type: str, data: bytes, report: MailReport, mask: Masking) -> None:
    if mask.contains_secret(data):
        report.notes.append(f"{one_line(name, 100)} is not attached, because a secret is in it.")
        return
    used = sum(len(file.data) for file in report.attachments)
    if used + len(data) > MAX_ATTACHED_BYTES:
        report.notes.append(f"{one_line(name, 100)} is too large to be attached; the record has it.")
        return
    report.attachments.append(File(_file_name(name), media_type, data))


def _file_name(name: str) -> str:
    """Return a name that is one line and no path."""
    return one_line(name, 120).replace("/", "_").replace("\\", "_").lstrip(".") or "file"


def notes_of(report: MailReport) -> list[Part]:
    """Return the parts that say what was left out."""
    return [Paragraph(note, is_quiet=True) for note in report.notes]
