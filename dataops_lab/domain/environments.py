"""An environment: a place to run, with its executor, its limits and its permissions."""

from __future__ import annotations

import datetime as dt
import ipaddress
import math
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from posixpath import normpath

from ..errors import Refused
from . import mounts
from .actors import Actor
from .output_folders import find_folder_problem

SANDBOX = "sandbox"
PRODUCTION = "production"

LOCKABLE = ("image", "kernel", "resources", "timeout_s")
"""Settings of a run that an environment may reserve for itself."""

MAX_DESCRIPTION = 2_000
MAX_WARM = 20

_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([kKMGT]?)(i?)[bB]?", re.ASCII)
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_USER = re.compile(r"[0-9]{1,10}(:[0-9]{1,10})?")
_HOST = re.compile(r"(unix|tcp|ssh|http|https)://\S+")


def parse_size(text: str) -> int:
    """Return the bytes of a size as people write it: `4G`, `512Mi`, `1000000`.

    ValueError when it is not a size.
    """
    match = _SIZE.fullmatch(text.strip())
    if not match or not float(match[1]) or (match[3] and not match[2]):
        raise ValueError(f"{text!r} is not a size. Write one such as 4G, 512Mi or 1000000.")
    unit = (1024 if match[3] else 1000) ** " KMGT".index(match[2].upper() or " ")
    return int(float(match[1]) * unit)


def format_size(size: int | None) -> str | int | None:
    """Return the shortest text that `parse_size` reads as this size."""
    for power in (4, 3, 2, 1):
        for base, unit in ((1024, "i"), (1000, "")):
            if size and size % base**power == 0:
                return f"{size // base**power}{' KMGT'[power]}{unit}"
    return size


class ExecutorKind(StrEnum):
    PROCESS = "process"
    DOCKER = "docker"


@dataclass(frozen=True)
class Backend:
    """One executor, and its place. An attempt keeps its backend, so that it is found when the environment changes.

    `host` is None for this machine's own.
    """

    kind: ExecutorKind = ExecutorKind.PROCESS
    host: str | None = None

    @classmethod
    def parse(cls, text: str) -> Backend:
        """Read the text that the store keeps. ValueError for a kind that this version does not know."""
        kind, _, host = text.partition("+")
        return cls(ExecutorKind(kind), host or None)

    def __str__(self) -> str:
        return f"{self.kind}+{self.host}" if self.host else str(self.kind)


@dataclass(frozen=True)
class Resources:
    """The resources that one attempt gets. None: as much as there is."""

    cpus: float | None = None
    memory_bytes: int | None = None
    pids: int | None = None
    gpus: int | None = None


@dataclass(frozen=True)
class RunLimits:
    """The limits of an environment.

    A run may ask for at most `resources`, and gets all of them when it asks for nothing. `timeout_s` is the longest
    time that an attempt may run, `concurrency` the number of attempts that may be alive at once.
    """

    resources: Resources = Resources()
    timeout_s: float | None = None
    concurrency: int | None = None


@dataclass(frozen=True)
class Mount:
    """A data folder of the executor's host, which the container sees at `target`."""

    source: str
    target: str
    read_only: bool = True


@dataclass(frozen=True)
class DockerSettings:
    """`host` is None for the daemon to which the machine's own `docker` speaks.

    `warm` is the number of ready containers.
    """

    host: str | None = None
    user: str = "1000:1000"
    warm: int = 0


@dataclass(frozen=True)
class Environment:
    """`position` is the place in promotion order, from 0. `images` and `default_image` are names of the catalogue.

    `locked` names the settings that nobody may choose for a run. In a `guarded` environment everything that runs was
    promoted; until that is so, only administrators run here.
    """

    name: str
    position: int
    executor: ExecutorKind = ExecutorKind.PROCESS
    description: str = ""
    docker: DockerSettings = DockerSettings()
    limits: RunLimits = RunLimits()
    images: tuple[str, ...] = ()
    default_image: str | None = None
    network: bool = True
    mounts: tuple[Mount, ...] = ()
    locked: tuple[str, ...] = ()
    guarded: bool = False
    output_folder: str | None = None
    """The folder to which its runs publish outputs. None: to their workspace, and nowhere if it is guarded."""
    revision: int = field(default=1, compare=False)
    """A number that counts the changes."""
    changed_at: dt.datetime | None = field(default=None, compare=False)
    changed_by: Actor | None = field(default=None, compare=False)

    @property
    def not_enforced(self) -> tuple[str, ...]:
        """Limits that this executor cannot enforce, for any value."""
        return () if self.executor is ExecutorKind.DOCKER else ("cpus", "memory_bytes", "pids", "gpus", "network")

    def check(self) -> None:
        """Raise Refused, with all problems, when the environment makes no sense."""
        if problems := list(_problems(self)):
            raise Refused(
                f"The environment {self.name!r} cannot be like that: {' '.join(problems)} Nothing was changed.",
                code="invalid_environment",
                problems=problems,
            )

    @property
    def backend(self) -> Backend:
        return Backend(self.executor, self.docker.host if self.executor is ExecutorKind.DOCKER else None)


def _problems(environment: Environment) -> Iterator[str]:
    if not _NAME.fullmatch(environment.name):
        yield "A name is 1 to 63 small letters, digits and hyphens, and starts with a letter."
    if len(environment.description) > MAX_DESCRIPTION:
        yield f"The description is longer than {MAX_DESCRIPTION} characters."
    yield from _problems_of_limits(environment.limits)
    if environment.default_image is not None and environment.default_image not in environment.images:
        yield f"The default image {environment.default_image!r} is none of the images that it allows."
    if len(set(environment.images)) < len(environment.images):
        yield "An image is named twice."
    if unknown := sorted(set(environment.locked) - set(LOCKABLE)):
        yield f"These can be locked: {', '.join(LOCKABLE)}; not {', '.join(unknown)}."
    yield from _problems_of_docker(environment.docker)
    folder = environment.output_folder
    if folder is not None and (problem := find_folder_problem(folder, guarded=environment.guarded)):
        yield problem
    for mount in environment.mounts:
        yield from mounts.find_problems(mount.source, mount.target)
    if len({normpath(f"///{mount.target}") for mount in environment.mounts}) < len(environment.mounts):
        yield "Two folders are mounted at the same place."


def _problems_of_limits(limits: RunLimits) -> Iterator[str]:
    numbers = {f.name: getattr(limits.resources, f.name) for f in fields(Resources)}
    numbers |= {"timeout_s": limits.timeout_s, "concurrency": limits.concurrency}
    for name, value in numbers.items():
        # 0 makes sense for GPUs, and for nothing else.
        if value is not None and not (math.isfinite(value) and (value > 0 or (name == "gpus" and value == 0))):
            yield f"`{name}` must be greater than 0."


_HOST_IN_URL = re.compile(r"\w+://(?:[^/@]*@)?\[?([^\]/]*?)\]?(?::\d+)?(?:/.*)?")


def _is_link_local(url: str) -> bool:
    """Tell whether the URL has a link-local address, in any notation.

    A name may lead there all the same: only the daemon's answer shows that.
    """
    named = _HOST_IN_URL.fullmatch(url)
    host = named[1] if named else ""
    try:
        # The system reads it like this: 0xA9FEA9FE and 169.254.43518 are addresses too.
        return ipaddress.IPv4Address(socket.inet_aton(host)).is_link_local
    except (OSError, UnicodeError):
        pass
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_link_local


def _problems_of_docker(docker: DockerSettings) -> Iterator[str]:
    if not _USER.fullmatch(docker.user):
        yield f"The user {docker.user!r} must be numbers, as `1000:1000`."
    elif int(docker.user.partition(":")[0]) == 0:
        yield "Containers do not run as root here; the catalogue's entry of an image can allow it."
    if not 0 <= docker.warm <= MAX_WARM:
        yield f"0 to {MAX_WARM} containers may stand ready."
    if docker.host is not None and _is_link_local(docker.host):
        yield f"The Docker host {docker.host!r} is link-local: clouds hand out credentials there. Name the daemon."
    if docker.host is not None and not _HOST.fullmatch(docker.host):
        yield f"The Docker host {docker.host!r} is not an address such as `ssh://user@host` or `tcp://host:2376`."


INHERITED = frozenset(
    [
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "LANG",
        "LANGUAGE",
        "TZ",
        "TMPDIR",
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "CONDA_DEFAULT_ENV",
        "LD_LIBRARY_PATH",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "JUPYTER_PATH",
        "JUPYTER_DATA_DIR",
        "JUPYTER_CONFIG_DIR",
        "IPYTHONDIR",
        "JAVA_HOME",
        "SPARK_HOME",
        "R_HOME",
        "R_LIBS",
        "R_LIBS_USER",
        "XDG_RUNTIME_DIR",
        "SYSTEMROOT",
    ]
)
"""The variables of its submitter that a process gets. All others, above all tokens, stay behind."""


def inherited_variables(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name in INHERITED or name.startswith("LC_")}
