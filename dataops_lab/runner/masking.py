"""Masking: known secrets are replaced before anything of a run is written, cut off or counted.

It keeps a secret out of a record when a notebook shows it by accident. It does not stop a notebook that wants to give
a secret away: code that can read it can spell it backwards.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
import shlex
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

from ..rundir.protocol import MIN_MASKED

MASK = "***"


class Masking:
    """The mask of a run. `secrets` are the values. Without any, everything passes unchanged."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = [secret for secret in secrets if len(secret.strip()) >= MIN_MASKED]
        self._forms = sorted({form for secret in known for form in _forms(secret) if len(form) >= MIN_MASKED})
        self._pattern = re.compile(_alternatives_pattern(self._forms)) if self._forms else None
        self._bytes = (
            re.compile(_alternatives_pattern(_byte_spellings(self._forms)).encode("latin-1")) if self._forms else None
        )
        self.longest = max(map(len, self._forms), default=0)
        self._held_back: dict[str, str] = {}
        """The end of each stream that is held back, while it may be the beginning of a secret."""

    def __bool__(self) -> bool:
        return self._pattern is not None

    def mask_text(self, text: str) -> str:
        """Mask a text. Colours and tags may stand between the characters of a secret."""
        if self._pattern is None:
            return text
        pieces, position = [], 0
        for start, end in _secret_spans(self._pattern, text):
            pieces += [text[position:start], MASK]
            position = end
        text = "".join([*pieces, text[position:]]) if pieces else text
        if "\x1b" in text:
            text = self._mask_without_markup(text, _COLOURS)
        return self._mask_without_markup(text, _TAGS) if "<" in text else text

    def _mask_without_markup(self, text: str, markup: re.Pattern[str]) -> str:
        assert self._pattern is not None
        if not self._pattern.search(markup.sub("", text)):
            return text
        visible = _VisibleText(text, markup)
        pieces, position = [], 0
        for first, behind in _secret_spans(self._pattern, visible.text):
            start, end = visible.written(first), visible.written(behind - 1) + 1
            # Markup that opens or closes inside of the secret stays, so that the rest is shown as before.
            pieces += [text[position:start], MASK, *(found[0] for found in markup.finditer(text, start, end))]
            position = end
        return "".join([*pieces, text[position:]]) if pieces else text

    def mask_value(self, value: Any) -> Any:
        """Mask a JSON value, also the names of its members."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self.mask_text(value)
        if isinstance(value, dict):
            return {self.mask_value(name): self.mask_value(member) for name, member in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.mask_value(member) for member in value]
        if isinstance(value, (int, float)) and not isinstance(value, bool) and self._pattern.search(str(value)):
            return MASK
        return value

    def contains_secret(self, data: bytes) -> bool:
        """Tell whether a secret is in there, as plain text or in another spelling, such as base64 or in a URL."""
        return self._bytes is not None and self._bytes.search(data) is not None

    # --- streams: a secret may come in pieces ---

    def mask_message(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        """Mask a kernel's message about outputs. Return it, after messages with text that was held back before it."""
        if self._pattern is None:
            return [message]
        kind, content = message["msg_type"], message["content"]
        held_back = []
        # An output that is not text ends the text before it. Other messages do not, nor does text of the other stream.
        if kind in _ENDS_TEXT or content.get("execution_state") == "idle":
            held_back = self.flush("stdout", "stderr")
        elif kind == "stream":
            content = {**content, "text": self.mask_stream(content["name"], content["text"])}
        messages = [_stream(message, name, text) for name, text in held_back]
        return [*messages, {**message, "content": content if kind == "stream" else self.mask_value(content)}]

    def mask_stream(self, name: str, text: str) -> str:
        """Return the masked text of a stream that can be told now. The next call, or `flush`, returns the rest."""
        if self._pattern is None:
            return text
        text = self._held_back.pop(name, "") + text
        held_length = self._held_back_length(text)
        if "\x1b" in text[-_MAX_HELD_BACK:]:
            end = text[-_MAX_HELD_BACK:]
            visible = _VisibleText(end, _COLOURS)
            if held_visible := self._held_back_length(visible.text):
                held_length = max(held_length, len(end) - visible.written(len(visible.text) - held_visible))
        if held_length:
            self._held_back[name] = text[-held_length:]
            text = text[:-held_length]
        return self.mask_text(text)

    def _held_back_length(self, text: str) -> int:
        """Return the length of the end of `text` that has to be held back."""
        assert self._pattern is not None
        length = self._partial_match_length(text)
        # The end of a secret may be the beginning of another. The first one is not cut in two there.
        for start, end in _secret_spans(self._pattern, text):
            if start < len(text) - length < end:
                length = len(text) - start if len(text) - start <= 4 * self.longest else len(text) - end
        return length

    def flush(self, *names: str) -> list[tuple[str, str]]:
        """Name the streams of which an end is held back, each with its masked end. Call it when nothing follows."""
        return [(name, self.mask_text(self._held_back.pop(name))) for name in names if name in self._held_back]

    def _partial_match_length(self, text: str) -> int:
        """Return the length of the longest end of `text` that is the beginning of a secret, but not all of it."""
        window = text[-(self.longest - 1) :]
        longest = 0
        for form in self._forms:
            own = window[-(len(form) - 1) :]
            position = own.find(form[0])
            while position >= 0 and len(own) - position > longest:
                if own.startswith(form[: min(8, len(own) - position)], position) and form.startswith(own[position:]):
                    longest = len(own) - position
                    break
                position = own.find(form[0], position + 1)
        return longest


class _VisibleText:
    """A text without its markup, and the place in the original at which each of its characters is written."""

    def __init__(self, text: str, markup: re.Pattern[str]) -> None:
        pieces, self._starts, self._source_starts = [], [0], [0]
        position = length = 0
        for found in markup.finditer(text):
            pieces.append(text[position : found.start()])
            length += found.start() - position
            position = found.end()
            self._starts.append(length)
            self._source_starts.append(position)
        self.text = "".join([*pieces, text[position:]])

    def written(self, position: int) -> int:
        piece = bisect_right(self._starts, position) - 1
        return self._source_starts[piece] + position - self._starts[piece]


_COLOURS = re.compile(r"\x1b(?:\[[0-?]*[ -/]*(?:[@-~]|\Z)|\Z)")
"""The sequences that terminals obey. A stream may end in the middle of one."""

_TAGS = re.compile(rf"<[a-zA-Z/!][^<>]*>|{_COLOURS.pattern}")

_MAX_HELD_BACK = 10_000
"""The most characters that are held of a stream with colours between the characters of a secret."""

_ENDS_TEXT = ("display_data", "execute_result", "error", "clear_output")


def _stream(message: dict[str, Any], name: str, text: str) -> dict[str, Any]:
    return {**message, "msg_type": "stream", "content": {"name": name, "text": text}}


def _forms(secret: str) -> Iterator[str]:
    """Yield the spellings of a value that programs use without the purpose to hide it."""
    yield from _spellings(secret)
    lines = secret.splitlines()
    if len(lines) > 1:
        # A key file is printed line by line, or without its first and last line.
        for line in lines:
            if len(line.strip()) >= 2 * MIN_MASKED:
                yield from _spellings(line.strip())


def _spellings(value: str) -> Iterator[str]:
    data = value.encode("utf-8", "surrogatepass")
    yield value
    yield value.strip()
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]
    yield html.escape(value)
    yield html.escape(value, quote=False)
    yield html.escape(value).replace("&#x27;", "&#39;")
    yield html.escape(value).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    yield html.escape(value).replace("&#x27;", "&apos;")
    # This is JSON as Go and Jinja write it into a page; Jinja escapes quotes, too.
    page = json.dumps(value)[1:-1]
    for character in "&<>":
        page = page.replace(character, f"\\u{ord(character):04x}")
    yield page
    yield page.replace("'", "\\u0027")
    yield value.replace("'", "''")
    yield value.replace('"', '""')
    yield re.sub(r"[^\w%+,./:=@^-]", r"\\\g<0>", value)  # `printf %q`
    yield shlex.quote(value).strip("'")
    # Browsers and libraries quote the parts of addresses differently: each leaves other characters as they are.
    safe = ("", "/", "!'()*", "!#$%&'()*+,/:;=?@[]~", " +")
    for quoted in (*(quote(data, safe=unquoted) for unquoted in safe), quote_plus(data)):
        yield quoted
        yield re.sub("%[0-9A-F]{2}", lambda escape: escape[0].lower(), quoted)
    yield data.hex()
    yield data.hex().upper()
    yield base64.b32encode(data).decode().rstrip("=")
    for encoded in (base64.b64encode, base64.urlsafe_b64encode):
        yield from _base64_anywhere(data, encoded)
    # Mail and the command `base64` wrap lines.
    wrapped = base64.encodebytes(data).decode().splitlines()
    yield from (line.rstrip("=") for line in wrapped if len(wrapped) > 1 and len(line) >= 2 * MIN_MASKED)


def _base64_anywhere(data: bytes, encoded: Any) -> Iterator[str]:
    """Yield the part of the base64 that does not depend on neighbouring bytes, for each offset of the data."""
    for before in range(3):
        text = encoded(b"\0" * before + data).decode().rstrip("=")
        # Some bits of the first characters belong to the bytes before, some of the last one to the bytes behind.
        first = -(-before * 8 // 6)
        last = (before + len(data)) * 8 // 6
        yield text[first:last]


def _byte_spellings(forms: list[str]) -> list[str]:
    """Encode the forms as UTF-8 and UTF-16. Each character of the results stands for a byte."""
    written = {form.encode("utf-8", "surrogatepass") for form in forms}
    # Without the zero at the edge, both byte orders of UTF-16 are mostly the same, and no form begins with a zero.
    written |= {form.encode("utf-16-le", "surrogatepass").removesuffix(b"\0") for form in forms}
    written |= {form.encode("utf-16-be", "surrogatepass").removeprefix(b"\0") for form in forms}
    return sorted(data.decode("latin-1") for data in written)


def _alternatives_pattern(forms: list[str]) -> str:
    """Make a pattern that finds the longest form at a place, and takes one step a character where there is none."""
    return _branch(forms, 0)


def _branch(forms: list[str], depth: int) -> str:
    # The forms are sorted, so that those with the same beginning are neighbours.
    if len(forms) == 1:
        return re.escape(forms[0][depth:])
    shared = len(os.path.commonprefix([forms[0], forms[-1]]))  # noqa: RUF071  (characters are what is wanted)
    head = re.escape(forms[0][depth:shared])
    optional = len(forms[0]) == shared
    groups: dict[str, list[str]] = {}
    for form in forms[1:] if optional else forms:
        groups.setdefault(form[shared], []).append(form)
    alternatives = "|".join(_branch(group, shared) for group in groups.values())
    return f"{head}(?:{alternatives}){'?' if optional else ''}"


def _secret_spans(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of the places to mask. Places that overlap become one."""
    match = pattern.search(text)
    while match:
        start, end = match.span()
        begin = start
        # Another one may begin inside of this one and end behind it.
        while (match := pattern.search(text, begin + 1)) and match.start() < end:
            begin, end = match.start(), max(end, match.end())
        yield start, end
