"""Schedules that jupyter-scheduler keeps: its database, and the notebooks that it stored."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class OldDefinition:
    """A job definition of jupyter-scheduler.

    `stored` is the copy of the notebook that its runs execute, with the files beside it where `packages_folder` is
    true; None when it is gone. `problem` says why the row cannot be used at all.
    """

    id: str
    name: str
    file_name: str
    schedule: str | None
    timezone: str | None
    created_at: dt.datetime
    is_active: bool
    stored: str | None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    environment: str = ""
    output_formats: Sequence[str] = ()
    tags: Sequence[str] = ()
    mails: Sequence[str] = ()
    """The addresses that get messages."""
    packages_folder: bool = False
    past_runs: int = 0
    last_status: str | None = None
    problem: str | None = None


@dataclass(frozen=True)
class OldDatabase:
    """`url` is for people to read: without a password."""

    url: str
    definitions: Sequence[OldDefinition]


@dataclass(frozen=True)
class FoundFiles:
    """The files of the workspace that have the name of a definition's notebook, sorted.

    `same` have the cells of the stored copy; `other` have not, or there is no stored copy to compare with.
    """

    same: Sequence[str] = ()
    other: Sequence[str] = ()


class OldSchedules(Protocol):
    """A reader of jupyter-scheduler's database. `url` None means the one in Jupyter's data folder.

    The methods raise InvalidRequest with the code `no_scheduler_database` when there is none to read.
    """

    def read(self, url: str | None) -> OldDatabase:
        """Read the definitions, the oldest first. It writes nothing, and tolerates columns that it does not know."""
        ...

    def pause(self, url: str | None, ids: Collection[str]) -> None:
        """Pause these definitions in one transaction: all or none. A server that runs sees it before its next start."""
        ...

    def find_files(self, folder: str, definitions: Sequence[OldDefinition]) -> Mapping[str, FoundFiles]:
        """Look below the folder for the notebooks, and return what was found, by the id of the definition."""
        ...

    def copy_stored(self, definition: OldDefinition, folder: str) -> str:
        """Copy the stored notebook, and the files that were packaged with it, to a new folder below this one.

        Return the path of the notebook. A folder that has the very same files is used again; nothing is replaced.
        """
        ...
