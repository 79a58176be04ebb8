"""Building the page.

The template escapes by default, and only what went through `clean` or came from an escaping renderer
is trusted: nbconvert's own templates escape nothing by default and load scripts from the network.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from ..read import Cell, Notebook, parse_notebook
from . import render


@dataclass(frozen=True)
class _Part:
    """Of the page. `kind` is markdown, source or output; the style sheet knows it."""

    kind: str
    html: Markup
    prompt: str = ""


def report(notebook: bytes, *, title: str, code: bool) -> bytes:
    """Loads nothing and runs nothing, whatever the outputs hold.

    Without `code` there are no sources, no prompts, no warnings, and of an error only its message:
    all of them quote code.
    """
    it = parse_notebook(notebook)
    page = _environment().get_template("page.html.j2")
    styles = (Path(__file__).parent / "style.css").read_text("utf-8") + render.code_styles()
    parts = list(_parts(it, code))
    has_heading = any("<h1" in part.html for part in parts if part.kind == "markdown")
    html = page.render(title=title, parts=parts, has_heading=has_heading, styles=Markup(styles))  # noqa: S704 — ours
    return html.encode(errors="replace")


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )


def _parts(notebook: Notebook, code: bool) -> Iterator[_Part]:
    for cell, raw in zip(notebook.cells, notebook.raw["cells"], strict=True):
        if cell.kind == "markdown" and cell.source.strip():
            yield _Part("markdown", render.markdown(cell.source, raw.get("attachments")))
        elif cell.kind == "code":
            yield from _code(cell, raw, notebook.language or "python", code)


def _code(cell: Cell, raw: dict[str, Any], language: str, code: bool) -> Iterator[_Part]:
    if code and cell.source.strip():
        count = raw.get("execution_count")
        yield _Part("source", render.source(cell.source, language), f"[{count}]" if isinstance(count, int) else "[ ]")
    outputs = raw.get("outputs")
    for output in outputs if isinstance(outputs, list) else ():
        if isinstance(output, dict) and (html := render.output(output, code=code)):
            yield _Part("output", html)
