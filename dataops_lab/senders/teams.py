"""Messages to Workflows of Teams ("When a Teams webhook request is received"), as Adaptive Cards."""

from __future__ import annotations

import json
from typing import Any

from ..domain.notifications import Content, Destination
from .guard import Guard
from .http import check_url, post
from .text import shorten

_MAX_TITLE, _MAX_TEXT = 300, 6000
"""Teams takes 28 KB, and a character may have four bytes."""


def teams_message(content: Content, *, id: str) -> dict[str, Any]:
    """Return the message as Teams takes it.

    Text is in runs, which Teams shows as they are; in a TextBlock it would be Markdown, with links and mentions.
    """
    body: list[dict[str, Any]] = [_text(shorten(content.subject, _MAX_TITLE), size="large", weight="bolder")]
    body += [_text(line) for line in shorten(content.text, _MAX_TEXT).split("\n\n") if line.strip()]
    if content.command and not content.link:
        body.append(_text(shorten(content.command, _MAX_TITLE), fontType="monospace"))
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [{"type": "Container", "id": id, "items": body}],
    }
    if content.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open", "url": content.link}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _text(text: str, **style: str) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}


class TeamsSender:
    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def check(self, address: str) -> None:
        check_url(address, self._guard)

    def send(self, content: Content, to: Destination, *, id: str) -> None:
        body = json.dumps(teams_message(content, id=id)).encode()
        post(to.address, body, self._guard, name=to.name, headers={})
