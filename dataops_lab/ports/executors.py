from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from ..domain.environments import Backend, Mount, Resources
from .attempt_files import AttemptFiles


@dataclass(frozen=True)
class BundleFile:
    path: str
    digest: str
    executable: bool = False


@dataclass(frozen=True)
class Container:
    """What a backend with containers makes for an attempt. `image` is a digest, never a tag.

    `warm`: how many of its kind shall stand ready for the next ones.
    """

    image: str
    user: str
    resources: Resources = Resources()
    network: bool = False
    mounts: Sequence[Mount] = ()
    warm: int = 0


@dataclass(frozen=True)
class Bundle:
    """What an attempt needs, before it lies anywhere. `spec` is the runner's `spec.json`."""

    name: str
    """Of the attempt, unique for good."""
    spec: Mapping[str, Any]
    notebook: bytes
    files: Sequence[BundleFile]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables for the runner and its kernel. All of them: nothing else is inherited."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Variables for the kernel alone, handed to the runner over stdin: they lie in no file and no argv."""
    container: Container | None = None
    imports: Sequence[str] = ()
    """Modules that the same version imported last time, in their order: a backend may have them ready."""


class AttemptStatus(StrEnum):
    """Where an attempt stands, as far as its backend knows now."""

    NOT_FOUND = "not_found"
    """The backend has nothing of it. So it is before a start; later, nobody can look after it any more."""
    STARTING = "starting"
    """The backend has it, and no runner has taken it over yet."""
    RUNNING = "running"
    EXITED = "exited"
    """Its runner has ended, or will never come, and its files stay as they are. Something of it may still be alive:
    `stop` with force ends that, or proves that nothing is."""
    CONFIRMED_DEAD = "confirmed_dead"
    """It has exited, and nothing of it is alive: neither its kernel nor a process that these have started."""


@dataclass(frozen=True)
class Observation:
    """What the backend knows now of one attempt."""

    status: AttemptStatus
    ran: bool = False
    """A runner took the attempt over. One that exited may never have run."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """For people: pid, exit code, signal."""

    @property
    def is_dead(self) -> bool:
        return self.status is AttemptStatus.CONFIRMED_DEAD

    @property
    def has_ended(self) -> bool:
        return self.status is AttemptStatus.EXITED or self.is_dead


class Executor(Protocol):
    """Where attempts run. Verbs may be called from several threads, for different attempts.

    Unavailable from `start`, `look`, `stop` and `names` when the backend cannot be asked now: nothing is
    concluded from it, and the verb is tried again later.
    """

    def start(self, bundle: Bundle) -> None:
        """Make it run. Starting twice, also from two processes, starts once."""
        ...

    def look(self, name: str) -> Observation:
        """Never raises for what is unknown or gone; what is unknown has not started. Asked many times a second."""
        ...

    def stop(self, name: str, *, force: bool) -> None:
        """Ask it to end and leave what it has. Safe to repeat.

        With `force` kill everything of it, and see to it that nobody can start it any more.
        """
        ...

    def ends(self, name: str) -> int | None:
        """A descriptor that can be read from once the attempt may have ended. None when there is none: look instead."""
        ...

    def files(self, name: str) -> AttemptFiles:
        """What the runner of this attempt leaves, complete once it has exited."""
        ...

    def forget(self, name: str) -> None:
        """Remove what is left of it, after its record is stored. Safe to repeat. A later start does nothing."""
        ...

    def names(self) -> Iterator[str]:
        """Of every attempt of which something is left here, alive or not."""
        ...


class Backends(Protocol):
    """The executors of this installation."""

    def get(self, backend: Backend) -> Executor:
        """The same one each time, reachable or not. Unavailable when this installation has none of the kind."""
        ...
