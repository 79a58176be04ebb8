"""The folders of the executor's host that a container may see, and their places in it.

Paths are compared, not texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

ROOTS = ("/data", "/mnt", "/srv")
"""The folders below which a machine's data lies by convention; an administrator may name others."""

_HOST_PATHS = ("/dev", "/proc", "/run", "/sys", "/var/lib/containerd", "/var/lib/docker", "/var/run")
_CONTAINER_PATHS = (
    *("/bin", "/boot", "/dataops", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc"),
    *("/run", "/sbin", "/sys", "/tmp", "/usr", "/var/run"),  # noqa: S108
)


def normalize_path(path: str) -> PurePosixPath:
    """Return the normal form of a path, without following links: `//srv/./in/` is `/srv/in`.

    ValueError when it is not absolute, or contains `..` or NUL.
    """
    parts = PurePosixPath(path).parts
    if not path.startswith("/") or ".." in parts or "\0" in path:
        raise ValueError(f"{path!r} must be an absolute path without `..`.")
    # Two slashes at the start are a root of their own for pathlib, and none for the kernel.
    return PurePosixPath("/", *parts[1:])


def find_problems(source: str, target: str) -> Iterator[str]:
    """Yield the problems of a mount that no setting can allow."""
    try:
        found, place = normalize_path(source), normalize_path(target)
    except ValueError as error:
        yield str(error)
        return
    if overlaps(found, _HOST_PATHS):
        yield f"{found} would open the host to the run. Choose a folder of data."
    if overlaps(place, _CONTAINER_PATHS):
        yield f"{place} belongs to the container. Mount it elsewhere, as at /data."


def find_root_problem(source: PurePosixPath, roots: Iterable[str]) -> str | None:
    """Say why `source` may not be mounted where an administrator allows the folders below `roots`; None when it may.

    ValueError when a root is not an absolute path.
    """
    allowed = [normalize_path(root) for root in roots]
    if any(source.is_relative_to(root) for root in allowed):
        return None
    where = f"only below {', '.join(map(str, allowed))}" if allowed else "nowhere"
    return (
        f"{source} may not be mounted: folders are mounted {where}. An administrator allows more with "
        "`c.DataOpsApp.mount_roots` of the server, or DATAOPS_LAB_MOUNT_ROOTS for server and engine."
    )


def overlaps(path: PurePosixPath, others: Iterable[str]) -> bool:
    """Tell whether `path` is one of the others, lies in one, or holds one."""
    return any(path.is_relative_to(other) or PurePosixPath(other).is_relative_to(path) for other in others)
