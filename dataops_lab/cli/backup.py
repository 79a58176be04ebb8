"""`jupyter dataops backup` and `restore`: this machine's state folder in one file."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from ..errors import NotFound
from . import exit_codes, options
from .output import print_json, print_note
from .text import plain, plural, size


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--with-key", is_flag=True, help="Also the key of the secrets: who has the archive can open them then.")
@options.json_option
def backup(file: Path, with_key: bool, as_json: bool) -> int:
    """Write all jobs, runs and records into one archive.

    Runs may go on meanwhile. Secrets are in it encrypted, and their key is not.

    Exit code: 0, or 1 if stored bytes were found missing or changed; the archive then holds all the others.
    """
    from ..services.backup import back_up
    from ..store import open_sqlite
    from ..wiring import Home, build_services, state_folder

    home = Home(state_folder())
    ctx = build_services(home)
    if with_key and not home.keys.exists():
        raise NotFound(f"There is no key in {home.folder}. One that comes from DATAOPS_LAB_KEY you keep yourself.")
    with closing(ctx.store):
        contents = back_up(ctx, file, open_copy=open_sqlite, keys=home.keys if with_key else None)
        with ctx.store.read() as tx:
            has_secrets = any(secret.is_set for secret in tx.secrets.all())
    if as_json:
        counts = {"blobs": len(contents.blobs), "bytes": contents.size, "audit_head": contents.audit_head}
        print_json({"file": str(file), **counts, "damaged": contents.damaged})
    else:
        click.echo(
            f"{plain(str(file))}: the database and {plural(len(contents.blobs), 'blob')}, {size(contents.size)}."
        )
        click.echo(f"The head of its audit trail, to keep elsewhere: {contents.audit_head}")
    if has_secrets and not with_key:
        print_note("The key of the secrets is not in it. Keep it elsewhere, or use --with-key.")
    for digest in contents.damaged:
        print_note(f"Missing or changed, and not in the backup: {digest}")
    return exit_codes.FAILED if contents.damaged else exit_codes.SUCCEEDED


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--force", is_flag=True, help="Move a state folder that is not empty aside. Nothing of it is deleted.")
@options.json_option
def restore(file: Path, force: bool, as_json: bool) -> None:
    """Make the state folder anew from an archive.

    Every digest in it is checked first.

    Runs that had not ended when the backup was made have ended afterwards, as lost or cancelled: the
    installation that it was made of may have gone on with them.
    """
    from ..services.backup import restore as restored
    from ..wiring import Home, build_services, state_folder

    home = Home(state_folder())
    contents, aside = restored(
        file, home.folder, database=home.database.name, build=lambda folder: build_services(Home(folder)), force=force
    )
    if as_json:
        print_json(
            {
                "folder": str(home.folder),
                "made_at": contents.created_at,
                "moved_aside": str(aside) if aside else None,
                "damaged": contents.damaged,
            }
        )
        return
    click.echo(f"{plain(str(home.folder))}: as it was at {contents.created_at}.")
    if aside:
        click.echo(f"The state folder from before is now {plain(str(aside))}.")
