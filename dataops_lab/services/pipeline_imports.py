"""Imports: pipelines that another tool wrote, as the text of a pipeline's file with a report. Nothing is written."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ..domain.actors import Actor
from ..domain.environments import SANDBOX, ExecutorKind
from ..domain.jobs import PIPELINE_SUFFIX
from ..domain.used_paths import UsedPaths
from ..errors import DataOpsError, InvalidPipeline, UnknownEnvironment
from ..ports.pipelines import ImportNote, ImportSetting
from .context import Services
from .placement import options, target_runtime

ELYRA_SUFFIX = ".pipeline"


@dataclass(frozen=True)
class ImportedFile:
    """A pipeline's file that nobody has saved yet, for `name` in `folder`, and the report of the import."""

    folder: str
    name: str
    content: str
    notes: Sequence[ImportNote]


def import_elyra(
    ctx: Services, path: str, *, root: str | None, by: Actor, folder: str | None = None, environment: str = SANDBOX
) -> ImportedFile:
    """Write the text of a pipeline that does what Elyra's at the local `path` does.

    `folder` is that of the new file; by default the one of `path`. `environment` says which images and variables are
    there. InvalidPipeline when it is none, or has what cannot be imported.
    """
    if not path.endswith(ELYRA_SUFFIX):
        raise InvalidPipeline(
            f"{path} is not a pipeline of Elyra. Name a file that ends in .pipeline.", code="not_elyra"
        )
    data = ctx.notebooks.read_pipeline_file(path, root=root)
    source = posixpath.dirname(path)
    folder = source if folder is None else folder
    files = ctx.pipelines.list_elyra_files(data)
    missing = _missing(ctx, source, [*files.run, *files.dependencies])
    setting = ImportSetting(
        name=posixpath.basename(path).removesuffix(ELYRA_SUFFIX),
        environment=environment,
        folder=posixpath.relpath(source or ".", folder or "."),
        images=_images(ctx, environment, by=by),
        variables=target_runtime(ctx, environment, None).variables,
        missing=missing,
        used=_used_paths(ctx, source, [file for file in files.run if file not in missing], root=root),
    )
    imported = ctx.pipelines.import_elyra(data, setting)
    return ImportedFile(folder, f"{setting.name}{PIPELINE_SUFFIX}", imported.text, imported.notes)


def _missing(ctx: Services, folder: str, paths: Iterable[str]) -> frozenset[str]:
    local = {posixpath.normpath(posixpath.join(folder, path)): path for path in paths}
    return frozenset(local[path] for path in ctx.notebooks.find_missing(list(local)))


def _images(ctx: Services, environment: str, *, by: Actor) -> Mapping[str, str] | None:
    """Return the names of the images that can be chosen, by reference and digest; None where runs have no image."""
    option = next((each for each in options(ctx, by=by) if each.environment.name == environment), None)
    if option is None:
        raise UnknownEnvironment(f"There is no environment {environment!r}. `jupyter dataops env list` shows them.")
    if option.environment.executor is not ExecutorKind.DOCKER:
        return None
    allowed = [each.image for each in option.images if not each.problems]
    return {reference: image.name for image in allowed for reference in (image.digest, image.reference)}


def _used_paths(ctx: Services, folder: str, paths: Iterable[str], *, root: str | None) -> dict[str, UsedPaths]:
    """Return the paths that the code of each file uses. One that cannot be read, or lies outside, uses none."""
    found = {}
    for path in paths:
        with suppress(DataOpsError):
            local = posixpath.normpath(posixpath.join(folder, path))
            found[path] = ctx.notebooks.find_used_paths(local, root=root, limits=ctx.limits)
    return found
