"""Recipes of images that people write: a requirements file, or conda's environment.yml."""

from __future__ import annotations

import re
from dataclasses import dataclass

import yaml

from ..errors import Refused

_LOCAL = re.compile(r"(-e\b|--editable\b|-r\b|--requirement\b|-c\b|--constraint\b|\.{0,2}/|file:)|.*@\s*file:")
_CONDA_NAME = re.compile(r"(?:[\w.-]+::)?([A-Za-z0-9_.-]+)\s*(.*)")
_VERSION = re.compile(r"={1,2}\s*(\d+(?:\.\d+)*)(?:\.\*)?$")


@dataclass(frozen=True)
class EnvironmentFile:
    """`python` is the version that the file names, if any; `conda` are its other conda packages as written."""

    python: str | None
    conda: tuple[str, ...]
    pip: tuple[str, ...]


def parse_requirements(text: str) -> tuple[str, ...]:
    """Return the requirements without comments. Refused when a line names a file on the author's machine."""
    lines = [line.split(" #")[0].strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if local := [line for line in lines if _LOCAL.match(line)]:
        raise Refused(
            f"An image is built from this one file, and these lines name other files: {', '.join(local[:5])}. "
            "Name packages of an index, or addresses that start with https:.",
            code="requirements_not_portable",
            lines=local,
        )
    return tuple(lines)


def parse_environment(text: str) -> EnvironmentFile:
    try:
        whole = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _refused(f"is not YAML ({error})".replace("\n", " ")) from None
    dependencies = whole.get("dependencies") if isinstance(whole, dict) else None
    if not isinstance(dependencies, list) or not dependencies:
        raise _refused("has no list of `dependencies`")
    python: str | None = None
    conda: list[str] = []
    pip: list[str] = []
    for dependency in dependencies:
        if isinstance(dependency, dict) and list(dependency) == ["pip"] and isinstance(dependency["pip"], list):
            pip += map(str, dependency["pip"])
        elif isinstance(dependency, str) and (found := _CONDA_NAME.fullmatch(dependency.strip())):
            name, constraint = found[1].lower(), found[2].strip()
            if name == "python":
                version = _VERSION.match(constraint.rstrip("*").rstrip("."))
                python = version[1] if version else None
            elif name not in ("pip", "setuptools", "wheel"):
                conda.append(dependency.strip())
        else:
            raise _refused(f"has a dependency that is none: {dependency!r}")
    return EnvironmentFile(python, tuple(conda), parse_requirements("\n".join(pip)))


def _refused(problem: str) -> Refused:
    message = f"The environment file {problem}. `conda env export --from-history` writes one."
    return Refused(message, code="invalid_environment_file")
