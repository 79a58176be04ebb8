"""The program: its commands, and how every one of them ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from keyword import iskeyword
from typing import NoReturn

import click

from ..errors import DataOpsError, InvalidRequest, Unavailable
from . import exit_codes
from .lazy_imports import gc_paused
from .output import print_json
from .text import plain

_MODULES = {
    "apply": "configuration",
    "approvals": "approvals",
    "audit": "audit",
    "backup": "backup",
    "doctor": "doctor",
    "engine": "engine",
    "environments": "environments",
    "export": "configuration",
    "image": "images",
    "import": "schedule_imports",
    "inspect": "inspect",
    "jobs": "jobs",
    "notify": "notify",
    "pipeline": "pipeline",
    "projects": "jobs",
    "records": "records",
    "restore": "backup",
    "retention": "retention",
    "run": "run",
    "runs": "runs",
    "schedule": "schedule",
    "secrets": "secrets",
    "variables": "environments",
}
"""The module of each command. The command has the same name in its module, with a `_` after a keyword."""


class _Commands(Mapping[str, click.Command]):
    """The commands by name. Each is imported when it is used; the help text uses all of them."""

    def __getitem__(self, name: str) -> click.Command:
        with gc_paused():
            module = import_module(f".{_MODULES[name]}", __package__)
            command: click.Command = getattr(module, f"{name}_" if iskeyword(name) else name)
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


@click.group(commands=_Commands(), context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="dataops-lab", prog_name="jupyter dataops")
def dataops() -> None:
    """Run notebooks as parameterised jobs, and keep a record of each run.

    State lies in one folder: DATAOPS_LAB_HOME, else `dataops_lab` in Jupyter's data folder.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run `jupyter dataops`, and exit with one of the codes of `exit_codes`."""
    given_arguments = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(_run(given_arguments))


def _run(arguments: list[str]) -> int:
    as_json = "--json" in arguments
    try:
        _refuse_undecodable(arguments)
        # click must not end the process: its exit code would be 1 for a failed run and for a missing file alike.
        return dataops.main(arguments, prog_name="jupyter dataops", standalone_mode=False) or exit_codes.SUCCEEDED
    except click.Abort:
        click.echo(err=True)
        return exit_codes.INTERRUPTED
    except click.ClickException as error:
        if as_json:
            _print_error("usage", error.format_message(), {})
        else:
            error.show()
        return exit_codes.REFUSED
    except DataOpsError as error:
        return _report_error(error, as_json)
    except OSError as error:
        # Such as a full disk or a folder without rights: neither a mistake of the person nor a bug.
        return _report_error(Unavailable(f"{error}. `jupyter dataops doctor` checks what is needed."), as_json)


def _report_error(error: DataOpsError, as_json: bool) -> int:
    if as_json:
        _print_error(error.precise_code, error.message, error.detail)
    else:
        click.echo(f"{click.style('Error:', fg='red')} {plain(error.message)}", err=True)
    return exit_codes.code_of_error(error)


def _print_error(code: str, message: str, detail: dict[str, object]) -> None:
    print_json({"error": {"code": code, "message": message, "detail": detail}})


def _refuse_undecodable(arguments: list[str]) -> None:
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise InvalidRequest(f"{argument!r} is not valid UTF-8. Rename the file, or correct it.") from None
