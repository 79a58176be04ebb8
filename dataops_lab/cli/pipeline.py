"""`jupyter dataops pipeline …`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..domain.jobs import PIPELINE_SUFFIX, PIPELINE_SUFFIXES
from ..errors import InvalidRequest
from ..ports.pipelines import NoteKind
from . import exit_codes, options, output_paths
from .connection import open_connection
from .output import print_json, print_note, print_table
from .run import run
from .text import one_line, plain, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..api_models import GuessModel, ImportNoteModel, ValidationModel


@click.group()
def pipeline() -> None:
    """Make, import, check, show and run pipelines.

    A pipeline is a file that ends with .pipeline.yaml. Its runs are looked at with `jupyter dataops runs`.
    """


@pipeline.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    metavar="NAME.pipeline.yaml",
    help="Where to write it; `-` is stdout. Paths in it count from its folder.  [default: the folder's name, beside "
    "the notebooks]",
)
@options.root_option
@options.server_option
@options.json_option
def new(files: tuple[str, ...], output: str | None, root: str | None, server: str | None, as_json: bool) -> None:
    """Write a pipeline of notebooks and scripts.

    Where one of them reads a path that another one writes, an edge is guessed. Guesses are marked in the file and
    listed here: check them. An existing file is never replaced.
    """
    target = None if output in (None, "-") else _new_file(output or "")
    if server and output is None:
        raise InvalidRequest("With a server, say where to write it here: `-o FILE`, or `-o -` for stdout.")
    folder = os.path.realpath(target.parent) if target and not server else None
    paths = list(files) if server else [os.path.realpath(file) for file in files]
    if output is None:
        _check_common_folder(paths)
    with open_connection(server, root) as connection:
        found = connection.client.pipelines.suggest(paths, folder=folder)
    if output is None:
        target = _new_file(os.path.relpath(Path(found.folder) / found.name))
    if target is not None:
        with target.open("x", encoding="utf-8") as file:
            file.write(found.content)
    if as_json:
        print_json({**found.model_dump(mode="json"), "path": str(target.absolute()) if target else None})
        return
    click.echo(str(target) if target else found.content, nl=target is not None)
    for guess in found.guesses:
        print_note(_guessed(guess))
    if target is not None:
        print_note(f"Check it: jupyter dataops pipeline validate {target}")


def _check_common_folder(paths: Sequence[str]) -> None:
    """Refuse paths that only a folder far above holds: nobody expects a new file there."""
    folders = {Path(path).parent for path in paths}
    common = Path(os.path.commonpath(folders))
    if common not in folders and not common.is_relative_to(Path.cwd().resolve()):
        raise InvalidRequest(f"Only {common} holds all of these files. Say where to write the pipeline: `-o FILE`.")


@pipeline.command()
@click.option(
    "-o", "--output", metavar="FILE", help="Where to write it, such as pipeline.schema.json.  [default: stdout]"
)
def schema(output: str | None) -> None:
    """Write the JSON Schema of a pipeline's file, for editors that know JSON Schema.

    A new pipeline names it in its first line when it lies in the same folder as pipeline.schema.json. A file of that
    name is replaced.
    """
    from ..pipelines.schema import SCHEMA

    text = SCHEMA.read_text(encoding="utf-8")
    if output in (None, "-"):
        click.echo(text, nl=False)
        return
    Path(output or "").write_text(text, encoding="utf-8")
    click.echo(output)


@pipeline.command("import")
@click.argument("file", metavar="FILE.pipeline")
@click.option(
    "-o",
    "--output",
    metavar="NAME.pipeline.yaml",
    help="Where to write it; `-` is stdout.  [default: beside FILE, under its name]",
)
@click.option("--force", is_flag=True, help="Replace the file that is there.")
@click.option("--env", "environment", default="sandbox", show_default=True, help="Where it will run.")
@options.root_option
@options.server_option
@options.json_option
def import_(
    file: str, output: str | None, force: bool, environment: str, root: str | None, server: str | None, as_json: bool
) -> None:
    """Make a pipeline of one that was made with Elyra.

    The report says what was carried over, what was changed and what was not carried over, step by step. FILE itself,
    its notebooks and its scripts are never written to.
    """
    if server and output is None:
        raise InvalidRequest("With a server, say where to write it here: `-o FILE`, or `-o -` for stdout.")
    beside = str(Path(file).with_suffix("")) + PIPELINE_SUFFIX
    target = None if output == "-" else _new_file(output or beside, may_replace=force)
    folder = os.path.realpath(target.parent) if target and not server else None
    with open_connection(server, root) as connection:
        path = file if server else os.path.realpath(file)
        found = connection.client.pipelines.import_elyra(path, folder=folder, environment=environment)
    if target is not None:
        with target.open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(found.content)
    if as_json:
        print_json({**found.model_dump(mode="json"), "path": str(target.absolute()) if target else None})
        return
    click.echo(str(target) if target else found.content, nl=target is not None)
    _print_notes(found.notes)
    if target is not None:
        print_note(f"\nCheck it: jupyter dataops pipeline validate {target}")


def _print_notes(notes: Sequence[ImportNoteModel]) -> None:
    """Print the report. Steps about which it says the same share a line."""
    for kind in NoteKind:
        steps: dict[str, list[str]] = {}
        for note in notes:
            if note.kind is kind:
                steps.setdefault(note.message, []).extend([note.step] if note.step else [])
        if steps:
            print_note(click.style(f"\n{kind.replace('_', ' ').capitalize()}", bold=True))
        for message, of_steps in steps.items():
            place = f"[{', '.join(of_steps)}] " if of_steps else ""
            print_note(f"  {place}{plain(message)}")


def _new_file(name: str, *, may_replace: bool = False) -> Path:
    path = output_paths.check_writable(name)
    if path.exists() and not may_replace:
        raise InvalidRequest(f"{name} is there already, and is not replaced. Name another one with -o.")
    if not name.endswith(PIPELINE_SUFFIXES):
        ends = " or ".join(PIPELINE_SUFFIXES)
        raise InvalidRequest(f"The name of a pipeline ends with {ends}; {name} does not.")
    return path


def _guessed(guess: GuessModel) -> str:
    return f"guessed: {guess.taker} reads {one_line(guess.path)}, which {guess.giver} writes"


@pipeline.command()
@click.argument("file")
@click.option("--env", "environment", default="sandbox", show_default=True, help="Where it would run.")
@options.root_option
@options.server_option
@options.json_option
def validate(file: str, environment: str, root: str | None, server: str | None, as_json: bool) -> int:
    """Find everything that is wrong with FILE.

    Each problem is printed with its line and column. It looks at the notebooks and scripts too: whether they are
    there, and take what they are given. It runs nothing.

    \b
    Exit code: 0  it can run
               2  it has problems
    """
    with open_connection(server, root) as connection:
        found = connection.client.pipelines.validate(file, environment=environment)
    if as_json:
        print_json(found)
    elif found.problems:
        _print_problems(file, found, err=False)
    else:
        disabled = sum(step.state == "disabled" for step in found.steps)
        click.echo(
            f"{one_line(file)}: {plural(len(found.steps), 'step')}, no problems"
            + (f"; {disabled} disabled for a run" if disabled else "")
        )
    return exit_codes.REFUSED if found.problems else exit_codes.SUCCEEDED


@pipeline.command()
@click.argument("file")
@click.option("--mermaid", "as_mermaid", is_flag=True, help="Write it as a flowchart of Mermaid, which GitHub draws.")
@options.root_option
@options.server_option
@options.json_option
def show(file: str, as_mermaid: bool, root: str | None, server: str | None, as_json: bool) -> int:
    """Show the graph of FILE.

    Its steps, what each needs, and when it runs.
    """
    from . import graph

    if as_mermaid and as_json:
        raise click.UsageError("Either --mermaid or --json: both would write to stdout.")
    with open_connection(server, root) as connection:
        found = connection.client.pipelines.validate(file)
    if as_json:
        print_json(found)
    elif as_mermaid and found.steps:
        click.echo(graph.mermaid(found.steps))
    elif found.steps:
        if found.title:
            click.echo(click.style(one_line(found.title), bold=True))
        print_table(graph.HEADINGS, graph.rows(found.steps), folded="runs")
    if not as_json:
        _print_problems(file, found, err=True)
    return exit_codes.SUCCEEDED if found.steps else exit_codes.REFUSED


@pipeline.command()
@click.argument("job", metavar="PIPELINE")
@click.option("--limit", type=click.IntRange(1, 200), default=5, show_default=True, help="How many runs at most.")
@click.option("--cursor", help="Where the page before ended: its `next`.")
@options.server_option
@options.json_option
def history(job: str, limit: int, cursor: str | None, server: str | None, as_json: bool) -> None:
    """Show the runs of PIPELINE beside one another, and how each step ended in each of them.

    PIPELINE is the id or the name of its job, or the path of its file. The newest run is on the left.
    """
    from .step_matrix import print_matrix

    with open_connection(server) as connection:
        found = connection.client.pipelines.step_matrix(connection.find_job(job).id, limit=limit, cursor=cursor)
    if as_json:
        print_json(found)
        return
    print_matrix(found)
    if found.next:
        print_note(f"There are older runs: --cursor {found.next}")


def _print_problems(file: str, found: ValidationModel, *, err: bool) -> None:
    for problem in found.problems:
        place = f"{one_line(file)}:{problem.line}:{problem.column}"
        step = f" [{one_line(problem.step)}]" if problem.step else ""
        click.echo(f"{click.style(place, bold=True)}:{step} {plain(problem.message)}", err=err)


pipeline.add_command(run)
