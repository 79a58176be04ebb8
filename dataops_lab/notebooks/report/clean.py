"""Remove everything active from HTML of other people."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from markupsafe import Markup

_TAGS = frozenset(
    """
    a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6
    hr i img ins kbd li mark ol p pre s samp small span strong sub summary sup table tbody td tfoot th thead tr u ul
    var
    """.split()  # noqa: SIM905
)
_ATTRIBUTES = frozenset(
    """
    align alt class colspan height id lang rowspan scope span start style title valign width
    """.split()  # noqa: SIM905
)

# None of these moves an element out of its place on the page.
_STYLES = frozenset(
    """
    background background-color border border-bottom border-collapse border-color border-left border-radius
    border-right border-spacing border-style border-top border-width color display font-family font-size font-style
    font-weight height letter-spacing line-height margin margin-bottom margin-left margin-right margin-top max-width
    min-width padding padding-bottom padding-left padding-right padding-top text-align text-decoration vertical-align
    white-space width
    """.split()  # noqa: SIM905
)
# `url` is missing on purpose, with all functions that could replace it.
_FUNCTIONS = frozenset({"rgb", "rgba", "hsl", "hsla", "calc", "linear-gradient"})
_LONGEST_STYLE = 10_000
_LONGEST_SHEET = 1_000_000

_DEEPEST = 2_000
"""The most elements inside one another. The time of cleaning grows with the square of it."""
_CODE = re.compile(r"<(script|style)\b.*?(</\1\b|\Z)", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<(/?)([a-z][^\s<>/]*)[^<>]*", re.IGNORECASE)
# These end at the next of their kind, or hold nothing. Inside foreign elements they nest like all others.
_SELF_CLOSING = frozenset("area br col dd dt hr img input li link meta option p source tbody td th tr wbr".split())  # noqa: SIM905
_FOREIGN = re.compile(r"<(svg|math)\b", re.IGNORECASE)

_IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml)[;,]", re.IGNORECASE)
_LINK = re.compile(r"(https?://|mailto:|#)", re.IGNORECASE)

# A selector has no combinator that reaches neighbours, so behind a scope it stays below that scope.
_SELECTOR = re.compile(r"[#.\w*][\w\s#.:()>*-]*")

Picture = Callable[[str], str | None]
"""A function that returns the `data:` address of the picture in `src`, or None when there is no such picture."""


class TooDeep(Exception):
    """Elements lie too deep inside one another."""


class Cleaned(NamedTuple):
    html: Markup
    missing: tuple[str, ...] = ()
    """The addresses of pictures that are not shown."""


def clean(html: str, *, scope: str, picture: Picture = lambda _: None) -> Cleaned:
    """Keep text, tables, pictures, colours and links; remove everything that loads or runs something.

    Style sheets stay as far as they only set looks. The caller shows the result in an element with the id `scope`.
    Raise TooDeep for HTML that would take minutes.
    """
    import nh3

    missing: dict[str, None] = {}

    def attribute(_: str, name: str, value: str) -> str | None:
        match name:
            case "src":
                if _IMAGE.match(value.strip()):
                    return value
                if (found := picture(value.strip())) is None:
                    missing[value.strip()] = None
                return found
            case "href":
                return value if _LINK.match(value.strip()) else None
            case "style":
                return _declarations(value) or None
        return value

    html = "".join(_replace_drawings(html))
    if _is_too_deep(html):
        raise TooDeep
    styles = "".join(rule for sheet in _elements(html, "style") for rule in _rules(sheet, scope))
    cleaned = nh3.clean(
        html,
        tags=set(_TAGS),
        clean_content_tags={"script", "style", "template", "noscript", "title"},
        attributes={"*": set(_ATTRIBUTES), "img": {"src"}, "a": {"href"}},
        attribute_filter=attribute,
        url_schemes={"http", "https", "mailto", "data", "attachment"},
        link_rel=None,
    )
    return Cleaned(
        Markup((f"<style>{styles}</style>" if styles else "") + cleaned),  # noqa: S704 — this function makes it safe
        tuple(missing),
    )


def _is_too_deep(html: str) -> bool:
    """Tell in one pass whether elements are nested so deep that cleaning them takes too long.

    An end tag counts only when its element is the innermost one, so crossed elements count as nested.
    """
    html = _CODE.sub("", html)  # In code, `i<n` is not an element.
    flat: frozenset[str] = frozenset() if _FOREIGN.search(html) else _SELF_CLOSING
    open_elements: list[str] = []
    for tag in _TAG.finditer(html):
        name = tag[2].lower()
        if not tag[1]:
            if name not in flat:
                open_elements.append(name)
                if len(open_elements) > _DEEPEST:
                    return True
        elif open_elements and open_elements[-1] == name:
            open_elements.pop()
    return False


def _replace_drawings(html: str) -> Iterator[str]:
    """Turn drawings into images: inside `img` a drawing can neither run scripts nor load anything."""
    done = 0
    for start, end in _spans(html, "svg"):
        yield html[done:start]
        yield f'<img src="{drawing(html[start:end])}" alt="">'
        done = end
    yield html[done:]


def drawing(svg: str) -> str:
    """Return the drawing as the address of an image. It adds the namespace, which an image needs and HTML does not."""
    if "http://www.w3.org/2000/svg" not in svg:
        svg = re.sub(r"<svg\b", '<svg xmlns="http://www.w3.org/2000/svg"', svg, count=1, flags=re.IGNORECASE)
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode(errors='replace')).decode()}"


def _elements(html: str, tag: str) -> Iterator[str]:
    for start, end in _spans(html, tag):
        inner = html[start:end]
        yield inner[inner.find(">") + 1 : inner.rfind("</")]


def _spans(html: str, tag: str) -> Iterator[tuple[int, int]]:
    """Yield where the outermost elements `tag` begin and end. An element without an end does not count."""
    start = depth = 0
    for found in re.finditer(rf"<(/?){tag}\b[^<>]*>?", html, re.IGNORECASE):
        if not found[1]:
            start = start if depth else found.start()
            depth += not found[0].endswith("/>")
        elif depth:
            depth -= 1
            if not depth:
                yield start, found.end()


def _rules(sheet: str, scope: str) -> Iterator[str]:
    """Yield the rules, without those that load something, style the page, or reach beyond `scope`."""
    import tinycss2  # type: ignore[import-untyped]

    for rule in tinycss2.parse_stylesheet(sheet[:_LONGEST_SHEET], skip_comments=True, skip_whitespace=True):
        if rule.type == "qualified-rule" and (declared := _safe_declarations(rule.content)):
            selectors = [selector.strip() for selector in tinycss2.serialize(rule.prelude).split(",")]
            if safe_selectors := ", ".join(
                f"#{scope} {selector}" for selector in selectors if _SELECTOR.fullmatch(selector)
            ):
                yield f"{safe_selectors} {{{declared}}}"


@lru_cache(10_000)
def _declarations(style: str) -> str:
    return _safe_declarations(style) if len(style) <= _LONGEST_STYLE else ""


def _safe_declarations(style: Any) -> str:
    import tinycss2

    declared = tinycss2.parse_blocks_contents(style, skip_comments=True, skip_whitespace=True)
    safe = [
        f"{item.lower_name}: {tinycss2.serialize(item.value).strip()}{' !important' if item.important else ''};"
        for item in declared
        if item.type == "declaration" and item.lower_name in _STYLES and all(map(_is_harmless, item.value))
    ]
    # A CSS escape could end the style element around it.
    return " ".join(text for text in safe if "<" not in text)


def _is_harmless(token: Any) -> bool:
    if token.type == "function":
        return token.lower_name in _FUNCTIONS and all(map(_is_harmless, token.arguments))
    return token.type in (
        "whitespace",
        "ident",
        "string",
        "literal",
        "number",
        "percentage",
        "dimension",
        "hash",
        "comment",
    )
