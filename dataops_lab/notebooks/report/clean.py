"""Taking everything active out of somebody's HTML."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

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
    align alt class colspan height lang rowspan scope span start style title valign width
    """.split()  # noqa: SIM905
)

# None of them takes an address, and none takes a thing out of its place on the page.
_STYLES = frozenset(
    """
    background-color border border-bottom border-collapse border-color border-left border-radius border-right
    border-spacing border-style border-top border-width color display font-family font-size font-style font-weight
    height letter-spacing line-height margin margin-bottom margin-left margin-right margin-top max-width min-width
    padding padding-bottom padding-left padding-right padding-top text-align text-decoration vertical-align
    white-space width
    """.split()  # noqa: SIM905
)
_IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml)[;,]", re.IGNORECASE)
_LINK = re.compile(r"(https?://|mailto:|#)", re.IGNORECASE)

# Only for looks: the cleaner drops these tags, but would show as text what stood between them.
_INVISIBLE = re.compile(r"<(script|style|template|noscript|title)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)


def clean(html: str) -> Markup:
    """Text, tables, inline images and links that have to be clicked survive. Nothing is loaded, nothing runs."""
    return Markup(_cleaner().clean(_INVISIBLE.sub("", html)))  # noqa: S704 — this is what makes it safe


@cache
def _cleaner() -> Any:
    from bleach.css_sanitizer import CSSSanitizer  # type: ignore[import-untyped]
    from bleach.sanitizer import Cleaner  # type: ignore[import-untyped]

    return Cleaner(
        tags=_TAGS,
        attributes=_may_have,
        protocols=frozenset({"http", "https", "mailto", "data"}),
        strip=True,
        css_sanitizer=CSSSanitizer(allowed_css_properties=_STYLES),
    )


def _may_have(tag: str, name: str, value: str) -> bool:
    if name == "src":
        return tag == "img" and bool(_IMAGE.match(value.strip()))
    if name == "href":
        return tag == "a" and bool(_LINK.match(value.strip()))
    return name in _ATTRIBUTES
