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
    """The container that a backend makes for an attempt. `image` is a digest, never a tag.

    `warm`: number of containers of this kind that shall stand ready for the next attempts.
    """

    image: str
    user: str
    resources: Resources = Resources()
    network: bool = False
    mounts: Sequence[Mount] = ()
    warm: int = 0


@dataclass(frozen=True)
class Bundle:
    """Everything that an attempt needs, before it lies anywhere. `spec` is the runner's `spec.json`."""

    name: str
    """The name of the attempt, unique for good."""
    spec: Mapping[str, Any]
    notebook: bytes | None
    """The notebook with its parameters; None for a program, which lies among `files` or in the image."""
    files: Sequence[BundleFile]
    environment: Mapping[str, str] = field(default_factory=dict)
    """The variables of the runner and its kernel or program. They inherit no others."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Variables for the kernel alone, handed to the runner over stdin: they lie in no file and no argv."""
    container: Container | None = None
    imports: Sequence[str] = ()
    """Modules that the same version imported last time, in their order: a backend may have them ready."""


class AttemptStatus(StrEnum):
    """The state of an attempt, as far as its backend knows now."""

    NOT_FOUND = "not_found"
    """The backend has nothing of it. This is normal before a start. Later no backend can look after it any more."""
    STARTING = "starting"
    """The backend has it, and no runner has taken it over yet."""
    RUNNING = "running"
    EXITED = "exited"
    """Its runner has ended, or will never come, and its files stay as they are.

    A part of it may still be alive: `stop` with force ends that part, or proves that nothing is alive.
    """
    CONFIRMED_DEAD = "confirmed_dead"
    """It has exited, and nothing of it is alive: neither its kernel nor a process that these have started."""


@dataclass(frozen=True)
class Observation:
    """The knowledge of the backend about one attempt now."""

    status: AttemptStatus
    ran: bool = False
    """A runner took the attempt over. One that exited may never have run."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """Details for people: pid, exit code, signal."""

    @property
    def is_dead(self) -> bool:
        return self.status is AttemptStatus.CONFIRMED_DEAD

    @property
    def has_ended(self) -> bool:
        return self.status is AttemptStatus.EXITED or self.is_dead


class Executor(Protocol):
    """A place where attempts run. Several threads may call its methods, for different attempts.

    Unavailable from `start`, `observe`, `stop` and `list_names` when the backend is unreachable. The caller concludes
    nothing from it, and tries again later.
    """

    def start(self, bundle: Bundle) -> None:
        """Start the attempt. Starting twice, also from two processes, starts once."""
        ...

    def observe(self, name: str) -> Observation:
        """Return the present state.

        Raise nothing for an attempt that is unknown or gone; an unknown one has not started. Callers ask many times a
        second.
        """
        ...

    def stop(self, name: str, *, force: bool) -> None:
        """Ask the attempt to end and to leave the files that it has. Safe to repeat.

        With `force` kill everything of it, and make sure that no process can start it any more.
        """
        ...

    def end_descriptor(self, name: str) -> int | None:
        """Return a descriptor that can be read from once the attempt may have ended.

        None: there is none, so call `observe`.
        """
        ...

    def files(self, name: str) -> AttemptFiles:
        """Return the files that the runner of this attempt leaves. They are complete once it has exited."""
        ...

    def forget(self, name: str) -> None:
        """Remove everything that is left of it, after its record is stored. Safe to repeat.

        A later start does nothing.
        """
        ...

    def list_names(self) -> Iterator[str]:
        """Yield the name of every attempt, alive or not, of which something is left here."""
        ...


class Backends(Protocol):
    """The executors of this installation."""

    def get(self, backend: Backend) -> Executor:
        """Return the same executor each time, reachable or not.

        Unavailable when this installation has none of the kind.
        """
        ...
