"""The images of a Docker daemon."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...domain.images import BuildRecipe, Login, PinnedImage, Probe, registry_of
from ...errors import DataOpsError, Refused, Unavailable
from ...ports import Say
from .build import WITHIN_S, build
from .daemon import Daemon
from .probe import probe

if TYPE_CHECKING:
    from docker import APIClient


class DockerImages:
    """The images of one daemon. `host` None is the daemon to which the machine's own `docker` speaks."""

    def __init__(self, host: str | None) -> None:
        self._daemon = Daemon(host)
        self._patient = Daemon(host, connect=_patiently)
        self._platform: str | None = None

    def check(self) -> None:
        with self._daemon.asked() as client:
            client.ping()

    def find(self, reference: str) -> PinnedImage | None:
        from docker.errors import ImageNotFound

        with self._daemon.asked() as client:
            try:
                found = client.inspect_image(reference)
            except ImageNotFound:
                return None
            # The daemon needs a quarter of a second for its version, because it starts other programs for it. Its
            # platform does not change.
            self._platform = self._platform or _platform(client.version())
            return _pinned(reference, found, self._platform)

    def pull(self, reference: str, login: Login | None, say: Say) -> PinnedImage:
        repository, tag = _parts(reference)
        if repository.startswith("sha256:") or not tag:
            raise _unknown(reference)
        with self._daemon.asked() as client, _registry(reference):
            # Somebody may have used `docker login` since the client was made.
            client.reload_config()
            for told in client.pull(repository, tag=tag, stream=True, decode=True, auth_config=_auth(login)):
                if problem := told.get("error"):
                    raise _refusal(reference, problem)
                say(_progress(told) or "")
        found = self.find(reference)
        if found is None:
            raise _unknown(reference)
        return found

    def in_registry(self, reference: str, login: Login | None) -> str | None:
        repository, tag = _parts(reference)
        if not tag or repository.startswith("sha256:"):
            return None
        with self._daemon.asked() as client:
            client.reload_config()
            try:
                with _registry(reference):
                    named = f"{repository}{'@' if ':' in tag else ':'}{tag}"
                    found = client.inspect_distribution(named, auth_config=_auth(login))
            except Refused as refused:
                if refused.precise_code == "image_not_found":
                    return None
                raise
            except Unavailable:
                return None
            return f"{repository}@{found['Descriptor']['digest']}"

    def keep(self, image: PinnedImage, tag: str) -> None:
        repository, _, name = tag.rpartition(":")
        with self._daemon.asked() as client:
            client.tag(image.id, repository, name, force=True)

    def drop(self, tag: str) -> None:
        from docker.errors import APIError, ImageNotFound

        with self._daemon.asked() as client:
            try:
                client.remove_image(tag)
            except ImageNotFound:
                pass
            except APIError as error:
                # A container uses the image: the daemon keeps it for as long as the container exists.
                if error.status_code != 409:
                    raise

    def probe(self, image: PinnedImage, *, user: str, at: dt.datetime) -> Probe:
        with self._daemon.asked() as client:
            return probe(client, image.id, user=user, at=at)

    def build(self, base: PinnedImage, probe: Probe, recipe: BuildRecipe, say: Say) -> PinnedImage:
        with self._patient.asked() as client:
            built = build(client, base, probe, recipe, say)
        found = self.find(built)
        assert found is not None
        return found


def _auth(login: Login | None) -> dict[str, str] | None:
    """Return the credentials; None stands for those that the machine's own `docker login` left."""
    return {"username": login.username, "password": login.password} if login else None


def _patiently(host: str | None) -> APIClient:
    from docker import DockerClient, from_env

    api: APIClient = (DockerClient(host, timeout=WITHIN_S) if host else from_env(timeout=WITHIN_S)).api
    return api


def _platform(told: dict[str, Any]) -> str:
    """Read the platform of an image or a daemon."""
    return f"{told['Os']}/{told.get('Architecture') or told.get('Arch')}"


def _pinned(reference: str, found: dict[str, Any], own: str) -> PinnedImage:
    platform = _platform(found)
    if platform != own:
        raise Refused(
            f"{reference} is for {platform}, and this Docker daemon runs {own}. Take the image for {own}.",
            code="wrong_platform",
            platform=platform,
        )
    repository, _ = _parts(reference)
    digests = [it for it in found.get("RepoDigests") or () if not it.startswith("dataops-lab/kept@")]
    own_digest = next((it for it in digests if it.partition("@")[0] == repository), None)
    return PinnedImage(
        id=found["Id"],
        repo_digest=own_digest or next(iter(digests), None),
        platform=platform,
        user=found["Config"].get("User") or "",
        size_bytes=found["Size"],
    )


def _parts(reference: str) -> tuple[str, str | None]:
    """Split into repository, and tag or digest. An image id has neither tag nor digest."""
    from docker.utils import parse_repository_tag

    if reference.startswith("sha256:"):
        return reference, None
    repository, tag = parse_repository_tag(reference)
    return repository.removeprefix("docker.io/").removeprefix("library/"), tag or "latest"


@contextmanager
def _registry(reference: str) -> Iterator[None]:
    """Translate errors of the registry that the daemon passes on."""
    from docker.errors import APIError

    try:
        yield
    except APIError as error:
        raise _refusal(reference, str(error.explanation or error)) from error


def _refusal(reference: str, said: str) -> DataOpsError:
    lower = said.lower()
    registry = registry_of(reference)
    if "no matching manifest" in lower or "does not match the specified platform" in lower:
        return Refused(f"{reference} is not there for this daemon's platform: {said}", code="wrong_platform")
    if any(words in lower for words in _NOT_THERE):
        return _unknown(reference, said)
    if any(words in lower for words in _NO_LOGIN):
        return Refused(
            f"The registry {registry} refuses: {said}. Give a login: `jupyter dataops image login {registry}`.",
            code="registry_login",
        )
    return Unavailable(
        f"The registry of {reference} does not answer: {said}. Is it reachable from the Docker host?",
        code="registry_unreachable",
    )


_NOT_THERE = ("pull access denied", "manifest unknown", "not found", "does not exist", "name unknown")
_NO_LOGIN = ("unauthorized", "authentication required", "no basic auth", "denied", "incorrect username")


def _unknown(reference: str, said: str = "") -> Refused:
    told = f" ({said})" if said else ""
    return Refused(
        f"Neither this Docker daemon nor a registry has {reference}{told}. Check its name and tag, or log in to its "
        "registry if it is private.",
        code="image_not_found",
    )


def _progress(told: dict[str, Any]) -> str | None:
    """Return a message that a layer sends once; None for the progress bars, which are for terminals."""
    status = str(told.get("status", ""))
    if told.get("progressDetail") or status in ("Waiting", "Verifying Checksum"):
        return None
    return f"{told['id']}: {status}" if told.get("id") else status or None
