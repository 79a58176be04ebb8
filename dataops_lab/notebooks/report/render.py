"""Render sources, Markdown and outputs as HTML that is safe to show."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from markupsafe import Markup, escape

from . import terminal
from .clean import Picture, TooDeep, clean, drawing

LONGEST_HTML = 8 * 1024**2
LONGEST_TEXT = 2 * 1024**2
LONGEST_MARKDOWN = 100_000
"""The most characters of one output or cell. The page cuts a longer one and says so; long Markdown becomes text."""

MOST_BRACKETS = 5_000
"""The most `[` in the Markdown of one cell. For each one the parser searches the rest of the text for a link's end."""

_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")
_TASK = re.compile(r'<input class="task-list-item-checkbox"([^<>]*)>')


class Place(NamedTuple):
    """A place on the page: the id of the part, and the function that finds its pictures."""

    id: str
    picture: Picture = lambda _: None


def source(text: str, language: str) -> Markup:
    from pygments import highlight  # type: ignore[import-untyped]
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
    from pygments.util import ClassNotFound  # type: ignore[import-untyped]

    try:
        lexer = get_lexer_by_name(language.lower())
    except ClassNotFound:
        lexer = get_lexer_by_name("text")
    return Markup(highlight(text, lexer, _formatter()))  # noqa: S704 — pygments escapes


def code_styles() -> str:
    return str(_formatter().get_style_defs(".highlight"))


def markdown(text: str, place: Place) -> Markup:
    if len(text) > LONGEST_MARKDOWN or text.count("[") > MOST_BRACKETS:
        return _terminal(text, "") + _note("Markdown that is too large to be drawn is shown as text.")
    html = _TASK.sub(lambda task: "☑" if "checked=" in task[1] else "☐", _markdown().render(text))
    return _clean_html(html, place)


def output(raw: Any, *, code: bool, place: Place) -> Markup | None:
    """Render an output; None for an empty one. Every other output leaves a text or a picture.

    Warnings quote code, so a page without code only counts their lines.
    """
    if not isinstance(raw, dict):
        return None
    match raw.get("output_type"):
        case "stream":
            is_stderr = raw.get("name") == "stderr"
            text = _text(raw.get("text"))
            if text and is_stderr and not code:
                return _warnings_left_out(text)
            return _terminal(text, "stderr" if is_stderr else "") if text else None
        case "error":
            summary = f"{raw.get('ename', '')}: {raw.get('evalue', '')}"
            lines = raw.get("traceback")
            full = "\n".join(str(line) for line in lines) if code and isinstance(lines, list) and lines else summary
            return _terminal(full, "error")
        case "display_data" | "execute_result":
            data = raw.get("data")
            return _richest(data, place) if isinstance(data, dict) else None
    return None


def _richest(data: dict[str, Any], place: Place) -> Markup | None:
    """Return the richest form that remains after the active content is removed; plain text when there is none."""
    available = {mime: value for mime, value in data.items() if value not in ("", [], None)}
    for mime, show in _RENDERERS.items():
        if mime in available and (html := show(_text(available[mime]), place)):
            return html
    for mime, value in available.items():
        if mime.startswith("text/") and (text := _text(value)).strip() and mime not in _RENDERERS:
            return _terminal(text, "")
    if "application/json" in available:
        return _terminal(json.dumps(available["application/json"], ensure_ascii=False), "")
    return _note(f"An output is not shown here: {', '.join(available)}.") if available else None


def _html(text: str, place: Place) -> Markup | None:
    cleaned = _clean_html(text, place)
    # An interactive plot leaves only empty boxes here; it has another form to show.
    return cleaned if 'src="data:' in cleaned or cleaned.striptags().strip() else None


def _clean_html(html: str, place: Place) -> Markup:
    try:
        cleaned, missing = clean(html[:LONGEST_HTML], scope=place.id, picture=place.picture)
    except TooDeep:
        return _terminal(html, "") + _note("HTML that is nested too deeply to be drawn is shown as text.")
    if missing:
        names = ", ".join(address if len(address) < 200 else f"{address[:200]}…" for address in missing[:20])
        cleaned += _note(f"Pictures that are not among the files of the run are not shown: {names}.")
    if len(html) > LONGEST_HTML:
        cleaned += _note(f"Only the first {LONGEST_HTML:,} of {len(html):,} characters are shown here.")
    return cleaned


def _image(mime: str) -> Callable[[str, Place], Markup | None]:
    def show(text: str, _: Place) -> Markup | None:
        if not is_base64(text):
            return None
        return Markup('<img src="data:{};base64,{}" alt="">').format(mime, "".join(text.split()))

    return show


def is_base64(text: str) -> bool:
    return bool(text.strip() and _BASE64.fullmatch(text))


def _svg(text: str, _: Place) -> Markup | None:
    return Markup('<img src="{}" alt="">').format(drawing(text)) if text.strip() else None


def _latex(text: str, _: Place) -> Markup | None:
    return Markup("<pre>{}</pre>").format(escape(text)) if text.strip() else None


def _plain(text: str, _: Place) -> Markup | None:
    return _terminal(text, "") if text else None


def _terminal(text: str, kind: str) -> Markup:
    if left_out := max(0, len(text) - LONGEST_TEXT):
        half = LONGEST_TEXT // 2
        return _terminal(text[:half], kind) + _left_out(left_out) + _terminal(text[-half:], kind)
    colored = Markup(terminal.as_html(text))  # noqa: S704 — it escapes
    return Markup('<pre class="{}">{}</pre>').format(kind, colored)


def _left_out(characters: int) -> Markup:
    return _note(f"{characters:,} characters are left out here.")


def _warnings_left_out(text: str) -> Markup:
    lines = text.removesuffix("\n").count("\n") + 1
    return _note(f"{lines:,} {'line of warnings is' if lines == 1 else 'lines of warnings are'} not shown here.")


def _note(message: str) -> Markup:
    return Markup('<p class="note">{} The executed notebook has everything.</p>').format(message)


_RENDERERS: dict[str, Callable[[str, Place], Markup | None]] = {
    "text/html": _html,
    "image/svg+xml": _svg,
    "image/png": _image("image/png"),
    "image/jpeg": _image("image/jpeg"),
    "image/gif": _image("image/gif"),
    "image/webp": _image("image/webp"),
    "text/markdown": lambda text, place: markdown(text, place) if text.strip() else None,
    "text/latex": _latex,
    "text/plain": _plain,
}


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "".join(str(part) for part in value)
    return value if isinstance(value, str) else ""


@cache
def _markdown() -> Any:
    """Make a parser for the Markdown of notebooks, with HTML, tables and tasks. Formulas stay as they are written."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.amsmath import amsmath_plugin
    from mdit_py_plugins.anchors import anchors_plugin
    from mdit_py_plugins.deflist import deflist_plugin
    from mdit_py_plugins.dollarmath import dollarmath_plugin
    from mdit_py_plugins.tasklists import tasklists_plugin

    def formula(content: str, options: dict[str, Any]) -> str:
        mark = "$$" if options["display_mode"] else "$"
        return str(escape(f"{mark}{content}{mark}"))

    return (
        MarkdownIt("js-default", {"html": True, "linkify": False, "typographer": False})
        .use(dollarmath_plugin, renderer=formula, double_inline=True)
        .use(amsmath_plugin, renderer=escape)
        .use(anchors_plugin, max_level=6, slug_func=lambda title: title.strip().replace(" ", "-"))
        .use(deflist_plugin)
        .use(tasklists_plugin)
    )


@cache
def _formatter() -> Any:
    from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]

    return HtmlFormatter(cssclass="highlight", style="default")
