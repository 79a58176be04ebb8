from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..domain.mail import MailServer
from ..domain.notifications import ChannelKind
from ..domain.targets import TARGET_CHANNELS
from ..ports import Sender
from .guard import Guard


class LazySenders(Mapping[ChannelKind, Sender]):
    """A sender for each channel; none for mail without a server. Only programs that send import what that takes."""

    def __init__(self, guard: Guard, mail: MailServer | None) -> None:
        self._guard = guard
        self._mail = mail
        self._made: dict[ChannelKind, Sender] = {}

    def __getitem__(self, channel: ChannelKind) -> Sender:
        if channel not in self._made:
            self._made[channel] = self._make(channel)
        return self._made[channel]

    def __iter__(self) -> Iterator[ChannelKind]:
        return (kind for kind in TARGET_CHANNELS if kind is not ChannelKind.MAIL or self._mail)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _make(self, channel: ChannelKind) -> Sender:
        if channel is ChannelKind.MAIL and self._mail is not None:
            from .mail import MailSender

            return MailSender(self._mail, self._guard)
        if channel is ChannelKind.SLACK:
            from .slack import SlackSender

            return SlackSender(self._guard)
        if channel is ChannelKind.TEAMS:
            from .teams import TeamsSender

            return TeamsSender(self._guard)
        if channel is ChannelKind.WEBHOOK:
            from .webhook import WebhookSender

            return WebhookSender(self._guard)
        raise KeyError(channel)
