"""Declared outputs of a job or pipeline: the paths to which they go, and what a run of it must leave."""

from __future__ import annotations

import datetime as dt
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidOutputs
from .deserialization import from_known_fields
from .jobs import JobKind
from .parameters import Json, Parameter, ParameterSchema, ParameterType

MAX_OUTPUTS = 100
MAX_PATH = 500
MAX_VALUE_BYTES = 100

NOTEBOOK = "notebook"
REPORT = "report"
REPORT_WITHOUT_CODE = "report-without-code"
MADE = (NOTEBOOK, REPORT, REPORT_WITHOUT_CODE)
"""The values of `source` that name no file: the executed notebook, and the report of it."""

ITEM = "item"
"""The placeholder for the key of an item of a fan-out."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_RESERVED = re.compile(r"\.dataops", re.IGNORECASE)
_IN_NO_NAME = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\u2028\u2029]')
_IN_NO_PATH = re.compile(r'[\x00-\x1f\x7f-\x9f\\:*?"<>|\u2028\u2029]')

_NOMINAL = {
    "nominal": "%Y-%m-%d",
    "nominal_month": "%Y-%m",
    "nominal_year": "%Y",
    "nominal_time": "%Y-%m-%dT%H%M",
}
"""The placeholders for the nominal time of a run, in UTC, with their forms."""

_TEXTS = {
    ParameterType.STRING,
    ParameterType.INTEGER,
    ParameterType.NUMBER,
    ParameterType.BOOLEAN,
    ParameterType.DATE,
    ParameterType.DATETIME,
    ParameterType.ANY,
}
"""The types of parameters that may stand in a path."""


@dataclass(frozen=True)
class Output:
    """A declared output. `path` is where it is published, from the folder of the job's file; it may have placeholders.

    `source` is the path of the file that the run leaves, from there too, or one of MADE; empty means the same path.
    """

    path: str
    source: str = ""
    optional: bool = False
    """True: a run that does not leave the file succeeds all the same."""
    overwrite: bool = False
    """True: it replaces a file that no run of this job published."""
    step: str | None = None
    """The step of a pipeline that leaves it; None for the outputs of other jobs."""

    @classmethod
    def parse(cls, text: str) -> Output:
        """Read `PATH` or `SOURCE:PATH`, as people write it on a command line."""
        source, colon, path = text.rpartition(":")
        return cls(path, source if colon else "")

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Output:
        return from_known_fields(cls, value)

    def to_json(self) -> dict[str, Any]:
        """Return the members that are not as by default."""
        return {name: value for name, value in vars(self).items() if value or name == "path"}

    @property
    def placeholders(self) -> list[str]:
        return _PLACEHOLDER.findall(self.path) + ([] if self.source in MADE else _PLACEHOLDER.findall(self.source))


@dataclass(frozen=True)
class RunOutput:
    """An output of one run. Both paths are whole, and `source` is never empty."""

    path: str
    source: str
    optional: bool
    overwrite: bool
    step: str | None = None
    item: str | None = None


_MEMBERS = frozenset({"path", "from", "optional", "overwrite"})


def read_outputs(entries: Any) -> tuple[Output, ...]:
    """Read a list as notebooks and scripts declare it: of paths, or of mappings with `path`, `from` and flags.

    ValueError says what is wrong.
    """
    if not isinstance(entries, list):
        raise ValueError("has outputs that are not a list")
    return tuple(_read_output(entry) for entry in entries)


def _read_output(entry: Any) -> Output:
    if isinstance(entry, str):
        return Output.parse(entry)
    if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
        raise ValueError("has an output without a path")
    if unknown := entry.keys() - _MEMBERS:
        raise ValueError(f"gives an output the unknown member {sorted(unknown)[0]!r}; known are {sorted(_MEMBERS)}")
    flags = [entry.get(flag, False) for flag in ("optional", "overwrite")]
    if not isinstance(entry.get("from", ""), str) or not all(isinstance(flag, bool) for flag in flags):
        raise ValueError("has an output with a flag that is neither true nor false, or a `from` that is not a text")
    return Output(entry["path"], entry.get("from", ""), *flags)


# --- before the start -----------------------------------------------------------------------------


def find_problems(
    outputs: Sequence[Output],
    schema: ParameterSchema,
    *,
    kind: JobKind,
    folder: str | None,
    fans_out: Collection[str] = (),
) -> Iterator[tuple[Output, str]]:
    """Yield what is wrong with the declarations themselves, whatever the values of a run will be.

    `folder` is the one of the job's file, from the root of its workspace; None: not known yet. `fans_out` are the steps
    with many items.
    """
    for number, output in enumerate(outputs):
        for problem in _problems(output, schema, kind, folder, output.step in fans_out):
            yield output, problem
        if any(other.path == output.path for other in outputs[:number]):
            yield output, f"{output.path!r} is declared twice. Give one of them another path."
    if len(outputs) > MAX_OUTPUTS:
        yield outputs[-1], f"A job has at most {MAX_OUTPUTS} outputs, and this one has {len(outputs)}."


def _problems(output: Output, schema: ParameterSchema, kind: JobKind, folder: str | None, many: bool) -> Iterator[str]:
    is_file = output.source not in MADE
    for path in (output.path, output.source) if is_file and output.source else (output.path,):
        bare = _PLACEHOLDER.sub("x", path)
        if not path or len(path) > MAX_PATH or bare.endswith("/") or bare.startswith("/"):
            yield f"{path[:80]!r} is not a path of an output. Write one such as reports/sales.html."
        elif _IN_NO_PATH.search(bare) or "{" in bare or "}" in bare:
            yield f"{path[:80]!r} has characters that the path of an output cannot have. Use letters and digits."
        elif folder is not None and posixpath.normpath(posixpath.join(folder, bare)).split("/")[0] == "..":
            yield f"{path[:80]!r} leaves the workspace. Choose a path within it."
        elif any(_RESERVED.match(name) for name in path.split("/")):
            yield f"{path[:80]!r} has a name that belongs to this program. Choose another one."
    if not is_file and kind not in (JobKind.NOTEBOOK, JobKind.PIPELINE, JobKind.SWEEP):
        yield f"`{output.source}` is made of a notebook, and this is a {kind}. Name a file that it writes."
    for name in dict.fromkeys(output.placeholders):
        parameter = schema.get(name)
        if parameter is None and name not in _NOMINAL and name != "run" and not (name == ITEM and many):
            known = [f"{{{each}}}" for each in (*(p.name for p in schema.parameters if p.type in _TEXTS), *_NOMINAL)]
            yield f"{{{name[:40]}}} in {output.path[:80]!r} is not known. Known are {', '.join([*known, '{run}'])}."
        elif parameter is not None and parameter.type not in _TEXTS:
            yield f"{{{name}}} in {output.path[:80]!r} is a {parameter.type}, which cannot stand in a path."
    if many and ITEM not in _PLACEHOLDER.findall(output.path):
        yield f"`{output.step}` runs for each item of a list, so its items share {output.path!r}. Put {{item}} in it."


def resolve(
    outputs: Sequence[Output],
    schema: ParameterSchema,
    values: Mapping[str, Json],
    *,
    nominal: dt.datetime,
    run_id: str,
    item: str | None = None,
) -> tuple[RunOutput, ...]:
    """Return the outputs of one run. InvalidOutputs when a value cannot be a part of a path, or two have one path."""
    given = schema.complete(values)

    def replace(found: re.Match[str]) -> str:
        name = found[1]
        if (parameter := schema.get(name)) is not None:
            return _safe(name, _text(parameter, given[name]))
        if name in _NOMINAL:
            return nominal.astimezone(dt.UTC).strftime(_NOMINAL[name])
        return run_id if name == "run" else _safe(name, item or "")

    resolved = []
    for output in outputs:
        path = posixpath.normpath(_PLACEHOLDER.sub(replace, output.path))
        source = output.source if output.source in MADE else _PLACEHOLDER.sub(replace, output.source) or path
        resolved.append(RunOutput(path, source, output.optional, output.overwrite, output.step, item))
    if problem := find_collision([("", each) for each in resolved]):
        raise InvalidOutputs(problem)
    return tuple(resolved)


def find_collision(outputs: Iterable[tuple[str, RunOutput]]) -> str | None:
    """Say which two runs would publish one path; None when there are none. Each output comes with its run's name.

    Names that differ in case alone are one name for some file systems.
    """
    taken: dict[str, str] = {}
    for name, output in outputs:
        key = posixpath.normpath(output.path).casefold()
        if key in taken:
            whose = f"{taken[key]} and {name} both publish" if name else "Two outputs have the path"
            return f"{whose} {output.path!r}. Put the parameter that differs into the path, such as {{region}}."
        taken[key] = name
    return None


def _text(parameter: Parameter, value: Json) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if not isinstance(value, str):
        return None
    # The times of a datetime have colons, which some file systems do not take.
    return value.replace(":", "-") if parameter.type is ParameterType.DATETIME else value


def _safe(name: str, text: str | None) -> str:
    """Return the text when it can be a part of one name, and nothing more. InvalidOutputs otherwise."""
    if text is None or not text:
        raise InvalidOutputs(f"`{name}` stands in the path of an output, and has no value. Give it one.", name=name)
    encoded = text.encode(errors="surrogatepass")
    if (
        _IN_NO_NAME.search(text)
        or any("\ud800" <= c <= "\udfff" for c in text)
        or text != text.strip()
        or text.startswith(".")
        or text.endswith(".")
        or len(encoded) > MAX_VALUE_BYTES
    ):
        raise InvalidOutputs(
            f"`{name}` stands in the path of an output, and {text[:60]!r} cannot: a value there has no slash or other "
            f"special character, no dot or space at its ends, and at most {MAX_VALUE_BYTES} bytes.",
            name=name,
        )
    return text


# --- at the end -----------------------------------------------------------------------------------


def find_missing(outputs: Iterable[RunOutput], paths: Collection[str], *, folder: str, has_notebook: bool) -> list[str]:
    """Return the sources of required outputs that a run did not leave.

    `paths` are those of its artifacts from the root, `folder` is the one of its file.
    """
    return [
        output.source
        for output in outputs
        if not output.optional
        if not (has_notebook if output.source in MADE else artifact_path(output, folder) in paths)
    ]


def artifact_path(output: RunOutput, folder: str) -> str:
    """Return the path of the artifact that the output is, from the root."""
    return posixpath.normpath(posixpath.join(folder, output.source))
