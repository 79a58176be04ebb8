"""`jupyter dataops retention …`: rules by which ended runs go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..domain.retention import ENDED, MAX_LIMIT, RetentionRule
from ..domain.runs import RunState
from ..errors import NotFound
from . import options
from .connection import open_connection
from .output import print_json, print_note, print_table
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
        click.option(
            "--last", type=click.IntRange(0, MAX_LIMIT), metavar="N", help="Keep the newest N runs of each job."
        ),
        click.option(
            "--days", type=click.IntRange(0, MAX_LIMIT), metavar="N", help="Keep what ended in the last N days."
        ),
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
    with open_connection(server) as connection:
        _print_rules(connection.client.retention(), as_json)


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
    with open_connection(server) as connection:
        current_rules = connection.client.retention()
        other_rules = _without(current_rules, rule)
        if remove and len(other_rules) == len(current_rules):
            raise NotFound("There is no such rule. `jupyter dataops retention show` lists those there are.")
        _print_rules(connection.client.set_retention(other_rules if remove else [*other_rules, rule]), as_json)


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
    with open_connection(server) as connection:
        draft_rules = None if rule.keeps_all else [*_without(connection.client.retention(), rule), rule]
        result = connection.client.preview_retention(draft_rules)
    if as_json:
        print_json(result)
        return
    _print_preview(result)


@retention.command()
@options.server_option
@options.json_option
def apply(server: str | None, as_json: bool) -> None:
    """Delete now what the rules let go, and free the bytes that nothing refers to for a day."""
    with open_connection(server) as connection:
        removed = connection.client.apply_retention()
    if as_json:
        print_json(removed)
        return
    click.echo(
        f"Deleted {plural(removed.runs, 'run')} and {plural(removed.versions, 'version')}; "
        f"{size(removed.bytes)} freed now."
    )
    if removed.runs:
        print_note("Bytes stay for a day after they were last used; the engine frees them then.")


def _rule(environment: str | None, state: str | None, days: int | None, last: int | None) -> RetentionRule:
    return RetentionRule(environment, RunState(state) if state else None, days=days, last=last)


def _without(rules: Sequence[RetentionRule], rule: RetentionRule) -> list[RetentionRule]:
    rule_key = replace(rule, days=None, last=None)
    return [other for other in rules if replace(other, days=None, last=None) != rule_key]


def _print_rules(rules: Sequence[RetentionRule], as_json: bool) -> None:
    if as_json:
        from ..api_models import RetentionModel

        print_json(RetentionModel.from_domain(rules))
    elif rules:
        rows = [(rule.environment or "all others", rule.state or "all others", _kept_runs(rule)) for rule in rules]
        print_table(("environment", "state", "keeps"), rows, folded="keeps")
    else:
        print_note("No rules: every run stays. `jupyter dataops retention set --days 90` makes one.")


def _kept_runs(rule: RetentionRule) -> str:
    if rule.keeps_all:
        return "everything"
    parts = []
    if rule.days is not None:
        parts.append(f"the last {plural(rule.days, 'day')}")
    if rule.last is not None:
        parts.append(f"the newest {rule.last} of each job")
    return " and ".join(parts)


def _print_preview(result: PreviewModel) -> None:
    if result.oldest:
        rows = [(run.id, run.state, run.job, run.environment, _day(run.finished_at)) for run in result.oldest]
        print_table(("run", "state", "job", "environment", "ended"), rows, folded="job")
        if result.count > len(result.oldest):
            print_note(f"… and {result.count - len(result.oldest)} more.")
    click.echo(f"{plural(result.count, 'run')} would go; {size(result.bytes)} would be freed.")


def _day(moment: Any) -> str:
    return f"{moment.astimezone():%Y-%m-%d}" if moment else ""
