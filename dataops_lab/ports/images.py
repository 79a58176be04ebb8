from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Protocol

from ..domain.images import BuildRecipe, Login, PinnedImage, Probe

Say = Callable[[str], None]
"""Takes a line of progress, for people; an empty one only asks. Raises when nobody wants the work any more."""


class ImageBackend(Protocol):
    """The images of one container daemon. Unavailable from every verb when it cannot be asked."""

    def check(self) -> None:
        """Nothing, or what is wrong with the daemon, with its mend."""
        ...

    def find(self, reference: str) -> PinnedImage | None:
        """What the daemon has under it, without asking any registry. Refused for another architecture."""
        ...

    def pull(self, reference: str, login: Login | None, say: Say) -> PinnedImage:
        """From its registry, also when there is one here. Refused when that has none, or wants another login.

        `say` is asked again and again."""
        ...

    def in_registry(self, reference: str, login: Login | None) -> str | None:
        """`repository@sha256:…` as the registry has it now; None when it has none, or is not there."""
        ...

    def keep(self, image: PinnedImage, tag: str) -> None:
        """So that no clean-up removes it."""
        ...

    def drop(self, tag: str) -> None:
        """The daemon may remove the image when nothing else keeps it. Safe to repeat."""
        ...

    def probe(self, image: PinnedImage, *, user: str, at: dt.datetime) -> Probe:
        """What a container of it tells about itself, as hardened as a run."""
        ...

    def build(self, base: PinnedImage, probe: Probe, recipe: BuildRecipe, say: Say) -> PinnedImage:
        """A new image; Refused when it cannot be made, and then nothing is left. Nor is when `say` raises, which is
        asked all the time, in threads of its own too; what is raised then may be another error."""
        ...


class ImageBackends(Protocol):
    """The daemons, by `DockerSettings.host`."""

    def get(self, host: str | None) -> ImageBackend: ...
