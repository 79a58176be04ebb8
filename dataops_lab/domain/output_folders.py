"""The folders to which outputs may be published: the path alone decides here, `outputs/folder.py` looks at the disk."""

from __future__ import annotations

from collections.abc import Iterable

from .mounts import normalize_path


def find_folder_problem(folder: str, *, guarded: bool) -> str | None:
    """Say why an environment may not publish to this folder; None when it may. It looks at the path alone."""
    if not folder.startswith("/") or ".." in folder.split("/") or not folder.isprintable() or folder.strip("/") == "":
        return f"The folder for outputs, {folder!r}, must be an absolute path without `..`."
    if guarded and any(f"{folder}/".startswith(home) for home in ("/home/", "/root/", "/Users/")):
        return f"Outputs of a guarded environment do not go to the home of a person, as {folder} is."
    return None


def find_root_problem(folder: str, roots: Iterable[str]) -> str | None:
    """Say why nothing is published to `folder` where an administrator allows those below `roots`; None when it is."""
    path, allowed = normalize_path(folder), [normalize_path(root) for root in roots]
    if any(path.is_relative_to(root) for root in allowed):
        return None
    where = f"only below {', '.join(map(str, allowed))}" if allowed else "to no folder but the workspace"
    return (
        f"Outputs are not published to {folder}: they go {where}. The administrator of the machine allows more with "
        "`c.DataOpsApp.output_roots` of the server, or DATAOPS_LAB_OUTPUT_ROOTS for server and engine."
    )
