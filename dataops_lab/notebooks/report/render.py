"""Sources, markdown and outputs as HTML that is safe to show."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from markupsafe import Markup, escape

from .clean import clean

_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")


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


def markdown(text: str, attachments: Any = None) -> Markup:
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    renderer = IPythonRenderer(
        escape=False, attachments=attachments if isinstance(attachments, dict) else {}, exclude_anchor_links=True
    )
    try:
        html = MarkdownWithMath(renderer=renderer).render(text)
    except Exception:
        return _plain(text)
    return clean(html)


def output(raw: dict[str, Any], *, code: bool) -> Markup | None:
    """None for what is not shown."""
    match raw.get("output_type"):
        case "stream":
            if raw.get("name") == "stderr" and not code:
                return None
            return _terminal(_text(raw.get("text")), "stderr" if raw.get("name") == "stderr" else "")
        case "error":
            said = f"{raw.get('ename', '')}: {raw.get('evalue', '')}"
            lines = raw.get("traceback")
            full = "\n".join(str(line) for line in lines) if code and isinstance(lines, list) and lines else said
            return _terminal(full, "error")
        case "display_data" | "execute_result":
            data = raw.get("data")
            return _richest(data) if isinstance(data, dict) else None
    return None


def _richest(data: dict[str, Any]) -> Markup | None:
    """The best of what is left when everything active is taken away; text where nothing is."""
    for mime, show in _RENDERERS.items():
        if mime in data and (html := show(_text(data[mime]))):
            return html
    return None


def _html(text: str) -> Markup | None:
    cleaned = clean(text)
    # Of an interactive plot nothing is left but empty boxes; it has another form to show.
    return cleaned if "<img" in cleaned or cleaned.striptags().strip() else None


def _image(mime: str) -> Callable[[str], Markup | None]:
    def show(text: str) -> Markup | None:
        if not _BASE64.fullmatch(text):
            return None
        return Markup('<img src="data:{};base64,{}" alt="">').format(mime, "".join(text.split()))

    return show


def _svg(text: str) -> Markup | None:
    """Inside `img` a drawing can neither run scripts nor load anything."""
    encoded = base64.b64encode(text.encode(errors="replace")).decode()
    return Markup('<img src="data:image/svg+xml;base64,{}" alt="">').format(encoded) if text.strip() else None


def _plain(text: str) -> Markup:
    return _terminal(text, "")


def _terminal(text: str, kind: str) -> Markup:
    from nbconvert.filters.ansi import ansi2html

    colored = Markup(ansi2html(text))  # noqa: S704 — ansi2html escapes
    return Markup('<pre class="{}">{}</pre>').format(kind, colored)


_RENDERERS: dict[str, Callable[[str], Markup | None]] = {
    "text/html": _html,
    "image/svg+xml": _svg,
    "image/png": _image("image/png"),
    "image/jpeg": _image("image/jpeg"),
    "image/gif": _image("image/gif"),
    "text/markdown": markdown,
    "text/latex": lambda text: Markup("<pre>{}</pre>").format(escape(text)),
    "text/plain": _plain,
}


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "".join(str(part) for part in value)
    return value if isinstance(value, str) else ""


@cache
def _formatter() -> Any:
    from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]

    return HtmlFormatter(cssclass="highlight", style="default")
