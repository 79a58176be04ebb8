"""A data folder that jupyter-scheduler left, from the dump that `make_corpus.py` made with it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).with_name("corpus")


class OldScheduler:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "scheduler.sqlite"
        shutil.copytree(CORPUS / "scheduler_staging_area", folder / "scheduler_staging_area")
        self.execute((CORPUS / "scheduler.sql").read_text())

    def execute(self, script: str) -> None:
        with closing(sqlite3.connect(self.database)) as connection:
            connection.executescript(script)

    def query(self, text: str) -> list[Any]:
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(text).fetchall()

    def active(self) -> list[str]:
        """Return the schedules that jupyter-scheduler would start."""
        return [row[0] for row in self.query("SELECT schedule FROM job_definitions WHERE active ORDER BY create_time")]

    def staged(self, file_name: str) -> Path:
        """Return the oldest stored copy of a notebook."""
        rows = self.query("SELECT job_definition_id, input_filename FROM job_definitions ORDER BY create_time")
        folder = next(row[0] for row in rows if row[1] == file_name)
        return self.folder / "scheduler_staging_area" / folder / file_name
