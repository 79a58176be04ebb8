"""`jupyter dataops notify …`: who is told what, and by which way."""

from __future__ import annotations

import click

from .subscriptions import address, quiet, subscribe, subscriptions, unsubscribe


@click.group()
def notify() -> None:
    """Choose who is told what, and by which way."""


for command in (subscribe, unsubscribe, subscriptions, address, quiet):
    notify.add_command(command)
