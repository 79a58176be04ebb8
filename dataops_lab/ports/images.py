from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Protocol

from ..domain.images import BuildRecipe, Login, PinnedImage, Probe

ProgressCallback = Callable[[str], None]
"""A function that takes a line of progress, for people. With an empty line it only asks whether to go on.

It raises when nobody wants the work any more.
"""


class ImageBackend(Protocol):
    """The images of one container daemon. Every method raises Unavailable when the daemon cannot be asked."""

    def check(self) -> None:
        """Raise an error that says what is wrong with the daemon and how to fix it, if something is wrong."""
        ...

    def find(self, reference: str) -> PinnedImage | None:
        """Return the image that the daemon has under `reference`; ask no registry. Refused for another architecture."""
        ...

    def pull(self, reference: str, login: Login | None, on_progress: ProgressCallback) -> PinnedImage:
        """Pull the image from its registry, also when the daemon has one already.

        Refused when the registry has none, or wants another login. It calls `on_progress` again and again.
        """
        ...

    def resolve_in_registry(self, reference: str, login: Login | None) -> str | None:
        """Return `repository@sha256:…` as the registry has it now; None when it has none, or is not there."""
        ...

    def add_tag(self, image: PinnedImage, tag: str) -> None:
        """Tag the image, so that no clean-up removes it."""
        ...

    def remove_tag(self, tag: str) -> None:
        """Remove the tag: the daemon may then remove the image when nothing else keeps it. Safe to repeat."""
        ...

    def probe(self, image: PinnedImage, *, user: str, at: dt.datetime) -> Probe:
        """Start a container of the image, as hardened as a run, and return its answers about itself."""
        ...

    def build(self, base: PinnedImage, probe: Probe, recipe: BuildRecipe, on_progress: ProgressCallback) -> PinnedImage:
        """Build a new image. When it fails, nothing is left: Refused when the image cannot be made.

        It calls `on_progress` often, also in threads of its own. When that raises, nothing is left either; the error
        that comes out may then be another one.
        """
        ...


class ImageBackends(Protocol):
    """The daemons, by `DockerSettings.host`."""

    def get(self, host: str | None) -> ImageBackend: ...
