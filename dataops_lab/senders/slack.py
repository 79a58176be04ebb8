"""Messages to incoming webhooks of Slack, and of others that take the same."""

from __future__ import annotations

import json
from typing import Any

from ..domain.notifications import Content, Destination
from .guard import Guard
from .http import check_url, post
from .text import shorten

_MAX_HEADER, _MAX_SECTION, _MAX_FALLBACK, _MAX_LINK = 150, 3000, 1000, 3000


def slack_message(content: Content, *, id: str) -> dict[str, Any]:
    """Return the message as Slack takes it. All text is plain: nothing in it becomes a link, a mention or a format."""
    blocks: list[dict[str, Any]] = [
        # The id of the first block is that of the delivery, for whoever looks for repetitions.
        {"type": "header", "block_id": id, "text": _plain(shorten(content.subject, _MAX_HEADER))}
    ]
    if content.text.strip():
        blocks.append({"type": "section", "text": _plain(shorten(content.text, _MAX_SECTION))})
    if content.link and len(content.link) <= _MAX_LINK:
        button = {"type": "button", "text": _plain("Open"), "url": content.link}
        blocks.append({"type": "actions", "elements": [button]})
    elif content.command:
        command = _plain(shorten(f"In a terminal: {content.command}", _MAX_SECTION))
        blocks.append({"type": "context", "elements": [command]})
    return {"text": _escaped(shorten(content.subject, _MAX_FALLBACK)), "blocks": blocks, "unfurl_links": False}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _escaped(text: str) -> str:
    """Escape the three characters by which Slack's own markup begins."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class SlackSender:
    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def check(self, address: str) -> None:
        check_url(address, self._guard)

    def send(self, content: Content, to: Destination, *, id: str) -> None:
        body = json.dumps(slack_message(content, id=id)).encode()
        post(to.address, body, self._guard, name=to.name, headers={})
