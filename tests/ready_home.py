"""State folders for tests, with a database that has all tables already."""

from __future__ import annotations

import shutil
from pathlib import Path

from dataops_lab.home import Home


def ready_home(folder: Path, ready_database: Path) -> Home:
    """Make a state folder with a copy of `ready_database`: all tables, no rows. Leave a database that is there."""
    home = Home(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if not home.database.exists():
        shutil.copyfile(ready_database, home.database)
    return home
