"""`jupyter dataops notify …`: where messages go, who is told what, and by which way."""

from __future__ import annotations

import click

from .subscriptions import address, quiet, subscribe, subscriptions, unsubscribe
from .targets import list_, log, mail_password, remove, set_, test


@click.group()
def notify() -> None:
    """Choose who is told what, and where messages go."""


for command in (subscribe, unsubscribe, subscriptions, address, quiet, list_, set_, remove, test, log, mail_password):
    notify.add_command(command)
