"""Build the page.

The template escapes by default. It trusts only HTML from `clean` or from a renderer that escapes. nbconvert's
templates are not used: they escape nothing by default, and load scripts from the network.
"""

from __future__ import annotations

import base64
import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from ...errors import DataOpsError
from ...ports.notebooks import NO_PICTURES
from ..read import Cell, Notebook, parse_notebook
from . import render
from .clean import Picture

PICTURES = {
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}
"""The types of pictures, by the ending of the file. A page contains no other files."""

_LARGEST_PICTURE = 8 * 1024**2


@dataclass(frozen=True)
class _Part:
    """A part of the page. `kind` is markdown, source or output; the style sheet knows it."""

    kind: str
    html: Markup
    prompt: str = ""
    id: str = ""


def report(
    notebook: bytes,
    *,
    title: str,
    code: bool,
    pictures: Mapping[str, str] = NO_PICTURES,
    read: Callable[[str], bytes],
) -> bytes:
    """Make a page that loads nothing and runs nothing, for outputs of any content.

    Without `code` the page leaves out sources, prompts, warnings and tracebacks: all of them quote code.
    `pictures` maps paths from the notebook's folder to digests; `read` returns the bytes of a digest.
    """
    parsed = parse_notebook(notebook)
    page = _environment().get_template("page.html.j2")
    styles = (Path(__file__).parent / "style.css").read_text("utf-8") + render.code_styles()
    parts = list(_parts(parsed, code, _pictures_beside(pictures, read)))
    has_heading = any("<h1" in part.html for part in parts if part.kind == "markdown")
    html = page.render(title=title, parts=parts, has_heading=has_heading, styles=Markup(styles))  # noqa: S704 — ours
    return html.encode(errors="replace")


def _pictures_beside(pictures: Mapping[str, str], read: Callable[[str], bytes]) -> Picture:
    def picture(address: str) -> str | None:
        path = posixpath.normpath(unquote(address))
        mime = PICTURES.get(posixpath.splitext(path)[1].lower())
        if mime is None or path not in pictures:
            return None
        try:
            data = read(pictures[path])
        except DataOpsError:  # The page names the missing picture, and the rest of it stays readable.
            return None
        return f"data:{mime};base64,{base64.b64encode(data).decode()}" if len(data) <= _LARGEST_PICTURE else None

    return picture


def _attached_pictures(attachments: Any, fallback: Picture) -> Picture:
    """Look a picture up among the attachments of a cell, then among the files beside the notebook."""

    def picture(address: str) -> str | None:
        if not address.startswith("attachment:"):
            return fallback(address)
        bundle = attachments.get(unquote(address.removeprefix("attachment:"))) if isinstance(attachments, dict) else {}
        for mime in PICTURES.values():
            if isinstance(bundle, dict) and isinstance(data := bundle.get(mime), str) and render.is_base64(data):
                return f"data:{mime};base64,{''.join(data.split())}"
        return None

    return picture


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )


def _parts(notebook: Notebook, code: bool, pictures: Picture) -> Iterator[_Part]:
    for cell, raw in zip(notebook.cells, notebook.raw["cells"], strict=True):
        if cell.kind == "markdown" and cell.source.strip():
            place = render.Place(f"part-{cell.index}", _attached_pictures(raw.get("attachments"), pictures))
            yield _Part("markdown", render.markdown(cell.source, place), id=place.id)
        elif cell.kind == "code":
            yield from _code(cell, raw, notebook.language or "python", code, pictures)


def _code(cell: Cell, raw: dict[str, Any], language: str, code: bool, pictures: Picture) -> Iterator[_Part]:
    if code and cell.source.strip():
        count = raw.get("execution_count")
        yield _Part("source", render.source(cell.source, language), f"[{count}]" if isinstance(count, int) else "[ ]")
    outputs = raw.get("outputs")
    for index, output in enumerate(outputs if isinstance(outputs, list) else ()):
        place = render.Place(f"part-{cell.index}-{index}", pictures)
        if html := render.output(output, code=code, place=place):
            yield _Part("output", html, id=place.id)
