"""The wish of a notebook for the mail about its run. It is data: a value under a reserved name, checked here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAIL_VALUE = "dataops_lab.mail"
"""The name of the value that holds the wish. `dataops_lab.mail` records it; other languages write it themselves."""

MAX_SUBJECT = 200
MAX_TEXT = 20_000
MAX_ATTACHED = 15
_MEMBERS = ("subject", "text", "attach", "send")


@dataclass(frozen=True)
class MailWish:
    """`None` where the notebook says nothing. `send` decides whether the success is told.

    `attach` names artifacts of the run. `problems` say what of the wish could not be followed.
    """

    subject: str | None = None
    text: str | None = None
    attach: tuple[str, ...] = ()
    send: bool | None = None
    problems: tuple[str, ...] = ()


def read_wish(values: Mapping[str, Any]) -> MailWish:
    """Return the wish among the values of a record. Members that make no sense are left out, and said so."""
    given = values.get(MAIL_VALUE)
    if given is None:
        return MailWish()
    if not isinstance(given, Mapping):
        return MailWish(
            problems=("The mail that the notebook wants has to be an object with subject, text or attach.",)
        )
    problems = []
    if unknown := sorted(str(name) for name in given if name not in _MEMBERS):
        problems.append(f"A mail has subject, text, attach and send, and no {', '.join(unknown[:3])[:100]}.")
    subject = _text(given, "subject", MAX_SUBJECT, problems)
    text = _text(given, "text", MAX_TEXT, problems)
    attach = given.get("attach") or []
    if isinstance(attach, str):
        attach = [attach]
    if not isinstance(attach, list | tuple) or not all(isinstance(name, str) for name in attach):
        problems.append("The attachments of a mail are a list of paths of artifacts.")
        attach = []
    if len(attach) > MAX_ATTACHED:
        problems.append(f"A mail has at most {MAX_ATTACHED} attachments; {len(attach) - MAX_ATTACHED} are left out.")
    send = given.get("send")
    if send is not None and not isinstance(send, bool):
        problems.append("`send` of a mail is true or false.")
        send = None
    return MailWish(subject, text, tuple(dict.fromkeys(attach))[:MAX_ATTACHED], send, tuple(problems))


def _text(given: Mapping[str, Any], name: str, most: int, problems: list[str]) -> str | None:
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        problems.append(f"The {name} of a mail is a text.")
        return None
    if len(value) > most:
        problems.append(f"The {name} of a mail has at most {most:,} characters; the rest is left out.")
    return value[:most] or None
