from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dataops_lab.cli.program import dataops


def commands(group: click.Group, path: tuple[str, ...] = ()):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


EVERY = list(commands(dataops))
GUIDE = Path(__file__).parents[2] / "docs/guide/command-line.md"


@pytest.mark.parametrize("path", [path for path, _ in EVERY], ids=" ".join)
def test_every_command_stands_in_the_guide(path):
    """Accept a command by itself, or as one of a group that has a page of its own."""
    table = GUIDE.read_text(encoding="utf-8")
    assert f"`{' '.join(path)}" in table or f"`{path[0]} …`" in table


@pytest.mark.parametrize(
    ("path", "command"), EVERY, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_every_command_and_each_of_its_options_says_what_it_is_for(path, command):
    shown = CliRunner().invoke(dataops, [*path, "--help"])

    assert shown.exit_code == 0
    assert command.help
    assert all(option.help for option in command.params if isinstance(option, click.Option))


@pytest.mark.parametrize("group", [[], ["runs"], ["engine"]], ids=lambda words: " ".join(words) or "all")
def test_the_summary_of_each_command_fits_on_its_line(group):
    shown = CliRunner().invoke(dataops, [*group, "--help"], terminal_width=80)

    assert "..." not in shown.output.split("Commands:")[1]


HEAVY = (
    *("alembic", "cryptography", "docker", "httpx", "IPython", "jsonschema", "jupyter_server", "nbclient", "nbconvert"),
    *("multiprocessing", "nbformat", "papermill", "psutil", "sqlalchemy.dialects.postgresql", "sqlalchemy.orm"),
    *("traitlets", "yaml", "zmq"),
    *("dataops_lab.api_models.images", "dataops_lab.cli.images", "dataops_lab.client.images"),
    *("dataops_lab.client.environments", "dataops_lab.configuration", "dataops_lab.engine"),
)


def test_a_short_command_imports_nothing_that_it_does_not_need(own_shell):
    own_shell("runs", "list")
    program = (
        "import sys\nfrom dataops_lab.cli import main\n"
        "try:\n    main(['runs', 'list', '--json'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], env=own_shell.environment(), capture_output=True, text=True, check=True
    )

    assert json.loads(done.stdout) == {"items": [], "next": None}
    assert done.stderr == "[]\n"


def test_a_mistyped_command_is_answered_with_those_that_look_like_it():
    said = CliRunner().invoke(dataops, ["runz"]).output

    assert "'run'" in said
    assert "'runs'" in said


def test_a_broken_pipe_is_no_error(own_shell):
    listing = own_shell.start("runs", "list", "--help")
    listing.stdout.close()

    assert "Traceback" not in listing.communicate()[1]
