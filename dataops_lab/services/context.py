from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..domain.actors import Actor
from ..domain.mail import MailServer
from ..domain.notifications import ChannelKind
from ..domain.refusal_limit import RefusalLimit
from ..domain.runs import Attempt, Run
from ..domain.snapshots import SnapshotLimits
from ..domain.time import Timestamp
from ..errors import Unavailable
from ..ports import (
    AttemptFiles,
    Blobs,
    Clock,
    Holidays,
    Host,
    ImageBackend,
    ImageBackends,
    Notebooks,
    OldSchedules,
    OutputFolders,
    Pipelines,
    Sender,
    Store,
    Transaction,
    Vault,
)


class Reaction(Protocol):
    """A use case that follows the end of runs. See `reactions`."""

    def __call__(self, ctx: Services, tx: Transaction, ended: Sequence[Run], at: dt.datetime, /) -> None: ...


@dataclass(frozen=True)
class Services:
    """Everything that a use case may need. `wiring` builds it; it is the first argument of each use case."""

    store: Store
    blobs: Blobs
    notebooks: Notebooks
    clock: Clock
    host: Host
    vault: Vault
    home: Path
    """The state folder of this installation."""
    attempt_files: Callable[[Attempt], AttemptFiles]
    """A function that returns the files that an attempt has left so far, until its record is stored."""
    pipelines: Pipelines
    holidays: Holidays
    limits: SnapshotLimits = SnapshotLimits()
    owner: Actor = Actor("owner", "owner")
    """The person for whom this process works."""
    administrators: frozenset[str] = frozenset()
    """Ids of actors.

    When there are none, a person who can reach this installation is its only user and administers it.
    """
    inherited: Mapping[str, str] = field(default_factory=dict)
    """Variables of this process that runs on this machine get when they are submitted here."""
    images: ImageBackends | None = None
    """None: this installation has no container daemon."""
    public_url: str | None = None
    """The address at which people reach the Jupyter server. Messages link to it; None: they have commands."""
    output_folders: OutputFolders | None = None
    """None: this process publishes nothing."""
    old_schedules: OldSchedules | None = None
    """None: this process imports no schedules."""
    reactions: Sequence[Reaction] = ()
    """The reactions, in the order of the calls. Where there are none, no pipeline goes on."""

    mail_server: MailServer | None = None
    """None: no mail is sent."""
    senders: Mapping[ChannelKind, Sender] = field(default_factory=dict)
    """The ways by which messages reach people outside of JupyterLab, as far as this process has them."""

    refusals: RefusalLimit = field(default_factory=RefusalLimit)

    def image_backend(self, host: str | None) -> ImageBackend:
        if self.images is None:
            raise Unavailable("This installation has no containers, and so no images.", code="no_containers")
        return self.images.get(host)

    def require_old_schedules(self) -> OldSchedules:
        if self.old_schedules is None:
            raise Unavailable("This process imports no schedules of other programs.")
        return self.old_schedules

    def moment(self) -> Timestamp:
        return Timestamp(self.clock.now(), self.host.identity().boot, self.clock.monotonic())
