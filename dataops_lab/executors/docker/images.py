"""The images of a Docker daemon."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...domain.images import BuildRecipe, Login, PinnedImage, Probe, registry_host
from ...errors import DataOpsError, Refused, Unavailable
from ...ports import ProgressCallback
from .build import BUILD_TIMEOUT_S, build
from .daemon import Daemon
from .probe import probe

if TYPE_CHECKING:
    from docker import APIClient


class DockerImages:
    """The images of one daemon. `host` None is the daemon to which the machine's own `docker` speaks."""

    def __init__(self, host: str | None) -> None:
        self._daemon = Daemon(host)
        self._build_daemon = Daemon(host, connect=_connect_for_builds)
        self._platform: str | None = None

    def check(self) -> None:
        with self._daemon.use_client() as client:
            client.ping()

    def find(self, reference: str) -> PinnedImage | None:
        from docker.errors import ImageNotFound

        with self._daemon.use_client() as client:
            try:
                found = client.inspect_image(reference)
            except ImageNotFound:
                return None
            # The daemon needs a quarter of a second for its version, because it starts other programs for it. Its
            # platform does not change.
            self._platform = self._platform or _platform(client.version())
            return _make_pinned_image(reference, found, self._platform)

    def pull(self, reference: str, login: Login | None, on_progress: ProgressCallback) -> PinnedImage:
        repository, tag = _split_reference(reference)
        if repository.startswith("sha256:") or not tag:
            raise _image_not_found(reference)
        with self._daemon.use_client() as client, _translate_registry_errors(reference):
            # Somebody may have used `docker login` since the client was made.
            client.reload_config()
            for message in client.pull(repository, tag=tag, stream=True, decode=True, auth_config=_auth(login)):
                if problem := message.get("error"):
                    raise _registry_error(reference, problem)
                on_progress(_progress_line(message) or "")
        found = self.find(reference)
        if found is None:
            raise _image_not_found(reference)
        return found

    def resolve_in_registry(self, reference: str, login: Login | None) -> str | None:
        repository, tag = _split_reference(reference)
        if not tag or repository.startswith("sha256:"):
            return None
        with self._daemon.use_client() as client:
            client.reload_config()
            try:
                with _translate_registry_errors(reference):
                    full_reference = f"{repository}{'@' if ':' in tag else ':'}{tag}"
                    found = client.inspect_distribution(full_reference, auth_config=_auth(login))
            except Refused as refused:
                if refused.precise_code == "image_not_found":
                    return None
                raise
            except Unavailable:
                return None
            return f"{repository}@{found['Descriptor']['digest']}"

    def add_tag(self, image: PinnedImage, tag: str) -> None:
        repository, _, name = tag.rpartition(":")
        with self._daemon.use_client() as client:
            client.tag(image.id, repository, name, force=True)

    def remove_tag(self, tag: str) -> None:
        from docker.errors import APIError, ImageNotFound

        with self._daemon.use_client() as client:
            try:
                client.remove_image(tag)
            except ImageNotFound:
                pass
            except APIError as error:
                # A container uses the image: the daemon keeps it for as long as the container exists.
                if error.status_code != 409:
                    raise

    def probe(self, image: PinnedImage, *, user: str, at: dt.datetime) -> Probe:
        with self._daemon.use_client() as client:
            return probe(client, image.id, user=user, at=at)

    def build(self, base: PinnedImage, probe: Probe, recipe: BuildRecipe, on_progress: ProgressCallback) -> PinnedImage:
        with self._build_daemon.use_client() as client:
            built = build(client, base, probe, recipe, on_progress)
        found = self.find(built)
        assert found is not None
        return found


def _auth(login: Login | None) -> dict[str, str] | None:
    """Return the credentials; None stands for those that the machine's own `docker login` left."""
    return {"username": login.username, "password": login.password} if login else None


def _connect_for_builds(host: str | None) -> APIClient:
    from docker import DockerClient, from_env

    api: APIClient = (DockerClient(host, timeout=BUILD_TIMEOUT_S) if host else from_env(timeout=BUILD_TIMEOUT_S)).api
    return api


def _platform(info: dict[str, Any]) -> str:
    """Read the platform of an image or a daemon."""
    return f"{info['Os']}/{info.get('Architecture') or info.get('Arch')}"


def _make_pinned_image(reference: str, info: dict[str, Any], daemon_platform: str) -> PinnedImage:
    platform = _platform(info)
    if platform != daemon_platform:
        raise Refused(
            f"{reference} is for {platform}, and this Docker daemon runs {daemon_platform}. "
            f"Take the image for {daemon_platform}.",
            code="wrong_platform",
            platform=platform,
        )
    repository, _ = _split_reference(reference)
    digests = [digest for digest in info.get("RepoDigests") or () if not digest.startswith("dataops-lab/kept@")]
    own_digest = next((digest for digest in digests if digest.partition("@")[0] == repository), None)
    return PinnedImage(
        id=info["Id"],
        repo_digest=own_digest or next(iter(digests), None),
        platform=platform,
        user=info["Config"].get("User") or "",
        size_bytes=info["Size"],
    )


def _split_reference(reference: str) -> tuple[str, str | None]:
    """Split into repository, and tag or digest. An image id has neither tag nor digest."""
    from docker.utils import parse_repository_tag

    if reference.startswith("sha256:"):
        return reference, None
    repository, tag = parse_repository_tag(reference)
    return repository.removeprefix("docker.io/").removeprefix("library/"), tag or "latest"


@contextmanager
def _translate_registry_errors(reference: str) -> Iterator[None]:
    """Translate errors of the registry that the daemon passes on."""
    from docker.errors import APIError

    try:
        yield
    except APIError as error:
        raise _registry_error(reference, str(error.explanation or error)) from error


def _registry_error(reference: str, message: str) -> DataOpsError:
    lower = message.lower()
    registry = registry_host(reference)
    if "no matching manifest" in lower or "does not match the specified platform" in lower:
        return Refused(f"{reference} is not there for this daemon's platform: {message}", code="wrong_platform")
    if any(words in lower for words in _NOT_FOUND_PHRASES):
        return _image_not_found(reference, message)
    if any(words in lower for words in _LOGIN_PHRASES):
        return Refused(
            f"The registry {registry} refuses: {message}. Give a login: `jupyter dataops image login {registry}`.",
            code="registry_login",
        )
    return Unavailable(
        f"The registry of {reference} does not answer: {message}. Is it reachable from the Docker host?",
        code="registry_unreachable",
    )


_NOT_FOUND_PHRASES = ("pull access denied", "manifest unknown", "not found", "does not exist", "name unknown")
_LOGIN_PHRASES = ("unauthorized", "authentication required", "no basic auth", "denied", "incorrect username")


def _image_not_found(reference: str, message: str = "") -> Refused:
    quoted = f" ({message})" if message else ""
    return Refused(
        f"Neither this Docker daemon nor a registry has {reference}{quoted}. Check its name and tag, or log in to its "
        "registry if it is private.",
        code="image_not_found",
    )


def _progress_line(message: dict[str, Any]) -> str | None:
    """Return a message that a layer sends once; None for the progress bars, which are for terminals."""
    status = str(message.get("status", ""))
    if message.get("progressDetail") or status in ("Waiting", "Verifying Checksum"):
        return None
    return f"{message['id']}: {status}" if message.get("id") else status or None
