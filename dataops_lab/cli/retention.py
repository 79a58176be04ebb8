"""`jupyter dataops retention …`: rules by which ended runs go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..domain.retention import ENDED, MOST, RetentionRule
from ..domain.runs import RunState
from ..errors import NotFound
from . import options
from .connection import connected
from .output import as_json as print_json
from .output import remark, table
from .text import plural, size

if TYPE_CHECKING:
    from ..api_models import PreviewModel

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def retention() -> None:
    """Manage the rules by which ended runs go, with their records.

    A rule keeps the runs of the last --days days, and of each job the newest --last ones; the others go. It is for one
    environment or for all that have no rule of their own, and for one state or for all. Without rules everything
    stays. Runs that are kept (`runs keep`) or have not ended are never touched. The engine applies them every hour.
    """


def rule_options(command: F) -> F:
    for option in (
        click.option("--last", type=click.IntRange(0, MOST), metavar="N", help="Keep the newest N runs of each job."),
        click.option("--days", type=click.IntRange(0, MOST), metavar="N", help="Keep what ended in the last N days."),
        click.option(
            "--state",
            type=click.Choice([str(state) for state in ENDED]),
            help="For runs that ended so. Without it, for every end that has no rule.",
        ),
        click.option("--env", "environment", metavar="NAME", help="For this environment. Without it, for all others."),
    ):
        command = option(command)
    return command


@retention.command()
@options.server_option
@options.json_option
def show(server: str | None, as_json: bool) -> None:
    """Show the rules."""
    with connected(server) as connection:
        _tell(connection.client.retention(), as_json)


@retention.command("set")
@rule_options
@click.option("--forever", is_flag=True, help="Keep all of these runs, whatever a wider rule says.")
@click.option("--remove", is_flag=True, help="Take this rule away.")
@options.server_option
@options.json_option
def set_(
    environment: str | None,
    state: str | None,
    days: int | None,
    last: int | None,
    forever: bool,
    remove: bool,
    server: str | None,
    as_json: bool,
) -> None:
    """Set, replace or remove one rule. `preview` with the same options shows what would go."""
    rule = _rule(environment, state, days, last)
    if [not rule.keeps_all, forever, remove].count(True) != 1:
        raise click.UsageError("Give --days or --last or both; or --forever; or --remove.")
    with connected(server) as connection:
        before = connection.client.retention()
        others = _without(before, rule)
        if remove and len(others) == len(before):
            raise NotFound("There is no such rule. `jupyter dataops retention show` lists those there are.")
        _tell(connection.client.set_retention(others if remove else [*others, rule]), as_json)


@retention.command()
@rule_options
@options.server_option
@options.json_option
def preview(
    environment: str | None,
    state: str | None,
    days: int | None,
    last: int | None,
    server: str | None,
    as_json: bool,
) -> None:
    """Show what the rules would take; with options, as if such a rule were set. Changes nothing."""
    rule = _rule(environment, state, days, last)
    if rule.keeps_all and rule != RetentionRule():
        raise click.UsageError("Give --days or --last too.")
    with connected(server) as connection:
        wanted = None if rule.keeps_all else [*_without(connection.client.retention(), rule), rule]
        seen = connection.client.preview_retention(wanted)
    if as_json:
        print_json(seen)
        return
    _tell_preview(seen)


@retention.command()
@options.server_option
@options.json_option
def apply(server: str | None, as_json: bool) -> None:
    """Delete now what the rules let go, and free the bytes that nothing refers to for a day."""
    with connected(server) as connection:
        removed = connection.client.apply_retention()
    if as_json:
        print_json(removed)
        return
    click.echo(
        f"Deleted {plural(removed.runs, 'run')} and {plural(removed.versions, 'version')}; "
        f"{size(removed.bytes)} freed now."
    )
    if removed.runs:
        remark("Bytes stay for a day after they were last used; the engine frees them then.")


def _rule(environment: str | None, state: str | None, days: int | None, last: int | None) -> RetentionRule:
    return RetentionRule(environment, RunState(state) if state else None, days=days, last=last)


def _without(rules: Sequence[RetentionRule], rule: RetentionRule) -> list[RetentionRule]:
    place = replace(rule, days=None, last=None)
    return [it for it in rules if replace(it, days=None, last=None) != place]


def _tell(rules: Sequence[RetentionRule], as_json: bool) -> None:
    if as_json:
        from ..api_models import RetentionModel

        print_json(RetentionModel.of(rules))
    elif rules:
        rows = [(it.environment or "all others", it.state or "all others", _kept(it)) for it in rules]
        table(("environment", "state", "keeps"), rows, shrinks="keeps")
    else:
        remark("No rules: every run stays. `jupyter dataops retention set --days 90` makes one.")


def _kept(rule: RetentionRule) -> str:
    if rule.keeps_all:
        return "everything"
    parts = []
    if rule.days is not None:
        parts.append(f"the last {plural(rule.days, 'day')}")
    if rule.last is not None:
        parts.append(f"the newest {rule.last} of each job")
    return " and ".join(parts)


def _tell_preview(seen: PreviewModel) -> None:
    if seen.oldest:
        rows = [(it.id, it.state, it.job, it.environment, _day(it.finished_at)) for it in seen.oldest]
        table(("run", "state", "job", "environment", "ended"), rows, shrinks="job")
        if seen.count > len(seen.oldest):
            remark(f"… and {seen.count - len(seen.oldest)} more.")
    click.echo(f"{plural(seen.count, 'run')} would go; {size(seen.bytes)} would be freed.")


def _day(moment: Any) -> str:
    return f"{moment.astimezone():%Y-%m-%d}" if moment else ""
