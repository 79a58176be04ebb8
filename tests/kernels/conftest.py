"""An installation whose sandbox runs containers, with real images in its catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from dataops_lab.domain.environments import Environment, ExecutorKind
from dataops_lab.domain.images import Image
from dataops_lab.executors.docker.images import DockerImages
from dataops_lab.services import Services
from dataops_lab.testing import person
from dataops_lab.wiring import Home, build_services

from ..docker import DockerImages as TestImages
from ..ready_home import ready_home


@dataclass
class Catalogue:
    home: Home
    services: Services
    _ids: TestImages

    def add(self, name: str) -> Image:
        """Add a test image to the catalogue, pinned and probed, and allow it in the sandbox."""
        backend, now = DockerImages(None), self.services.clock.now()
        pinned = backend.find(self._ids[name])
        assert pinned is not None
        probe = backend.probe(pinned, user="1000:1000", at=now)
        with self.services.store.begin() as tx:
            image = tx.images.put(
                Image(name, name, pinned, now, person("someone"), probe=probe), at=now, by=person("someone")
            )
        self.change(lambda sandbox: replace(sandbox, images=(*sandbox.images, name)))
        return image

    def change(self, changes: Callable[[Environment], Environment]) -> None:
        with self.services.store.begin() as tx:
            image = changes(tx.environments.get("sandbox"))
            tx.environments.put(image, at=self.services.clock.now(), by=person("someone"))


@pytest.fixture
def catalogue(docker_images: TestImages, tmp_path: Path, ready_database: Path) -> Iterator[Catalogue]:
    home = ready_home(tmp_path / "home", ready_database)
    services = build_services(home)
    made = Catalogue(home, services, docker_images)
    made.change(lambda sandbox: replace(sandbox, executor=ExecutorKind.DOCKER, network=False))
    yield made
    services.store.close()
