"""Read a notebook from disk as raw JSON: it is never executed, and upgraded only from format 3.

Only that upgrade uses nbformat, on purpose. The import of its validator takes most of a second where JupyterLab
is installed, and its reader invents random cell ids for notebooks older than 4.5.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from ..errors import InvalidNotebook
from .regular_file import read_regular_file

MAJOR = 4
UPGRADED = 3
"""The older format that is also read, as format 4. The file itself does not change."""

INJECTED = "injected-parameters"
PARAMETERS = "parameters"


@dataclass(frozen=True)
class Cell:
    """A cell. `index` counts all cells of the notebook from 0; `kind` is code, markdown or raw."""

    index: int
    kind: str
    source: str
    tags: frozenset[str]
    metadata: dict[str, Any]


@dataclass(frozen=True)
class Notebook:
    """A notebook whose shape has been checked. `raw` is the JSON as it was read: do not change it."""

    raw: dict[str, Any]
    word: str = "notebook"
    """The word for it in messages. A script is a notebook of one cell for those who read code."""

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        return tuple(_cell(index, raw) for index, raw in enumerate(self.raw["cells"]))

    @cached_property
    def code_cells(self) -> tuple[Cell, ...]:
        """The cells that a run executes: they have a source, and no earlier run left them."""
        return tuple(c for c in self.cells if c.kind == "code" and c.source.strip() and INJECTED not in c.tags)

    @property
    def cell_ids(self) -> tuple[str, ...]:
        """The ids of the cells that have one. Notebooks older than format 4.5 have none."""
        return tuple(raw["id"] for raw in self.raw["cells"] if "id" in raw)

    @property
    def metadata(self) -> dict[str, Any]:
        return self.raw["metadata"]

    @property
    def minor(self) -> int:
        return self.raw["nbformat_minor"]

    @property
    def kernel_name(self) -> str | None:
        return _text(self.metadata.get("kernelspec"), "name")

    @property
    def language(self) -> str | None:
        """The language that the notebook names. The chosen kernel knows it better."""
        return _text(self.metadata.get("kernelspec"), "language") or _text(self.metadata.get("language_info"), "name")

    @property
    def language_version(self) -> str | None:
        return _text(self.metadata.get("language_info"), "version")


def read_notebook(path: Path, *, max_bytes: int) -> Notebook:
    """Read the notebook at `path`.

    Raise InvalidNotebook, which says what is wrong with the file; SnapshotTooLarge above `max_bytes`.
    """
    data = read_regular_file(
        path,
        max_bytes=max_bytes,
        noun="notebook",
        error=InvalidNotebook,
        suffixes=".ipynb",
        hint="Clear its outputs and save it.",
    )
    return parse_notebook(data, name=str(path))


def parse_notebook(data: bytes, *, name: str = "The notebook") -> Notebook:
    """Parse a notebook, or raise InvalidNotebook. Error messages call it `name`."""
    raw = _json(data, name)
    if not isinstance(raw, dict) or not _is_count(raw.get("nbformat")):
        raise InvalidNotebook(f"{name} is JSON, but not a notebook: it does not say its nbformat.")
    major = raw["nbformat"]
    if major == UPGRADED:
        raw = _upgrade(raw, name)
    elif major < MAJOR:
        raise InvalidNotebook(
            f"{name} is in notebook format {major}, which is too old. Convert it first: "
            "jupyter nbconvert --to notebook --inplace NOTEBOOK",
            code="nbformat_too_old",
            nbformat=major,
        )
    if major > MAJOR:
        raise InvalidNotebook(
            f"{name} is in notebook format {major}, which is newer than this program knows ({MAJOR}). "
            "Save it as format 4, or upgrade dataops-lab.",
            code="nbformat_too_new",
            nbformat=major,
        )
    if problem := _shape_problem(raw):
        raise InvalidNotebook(f"{name} is not a valid notebook: {problem}. Open it in JupyterLab and save it again.")
    return Notebook(raw)


def _upgrade(raw: dict[str, Any], name: str) -> dict[str, Any]:
    """Convert to format 4.4, without outputs. Its cells have no ids, so the same file gives the same bytes."""
    import nbformat

    try:
        cells = [cell for sheet in raw["worksheets"] for cell in sheet["cells"]]
        code = [cell for cell in cells if cell["cell_type"] == "code"]
        for cell in code:
            cell["outputs"] = []
        notebook: dict[str, Any] = json.loads(json.dumps(nbformat.reads(json.dumps(raw), as_version=MAJOR)))
        for cell in notebook["cells"]:
            cell.pop("id", None)
        for key in ("orig_nbformat", "orig_nbformat_minor"):
            notebook["metadata"].pop(key, None)
        # In format 3 only the cells name the language.
        if language := _text(code[0], "language") if code else None:
            notebook["metadata"].setdefault("language_info", {"name": language})
    except Exception as problem:
        # nbformat expects a valid notebook and can raise any error for another.
        raise InvalidNotebook(
            f"{name} is in notebook format {UPGRADED}, and cannot be read as format {MAJOR} "
            f"({type(problem).__name__}: {problem}). Open it in JupyterLab and save it again."
        ) from None
    return {**notebook, "nbformat_minor": 4}


def source_of(raw_cell: dict[str, Any]) -> str:
    source = raw_cell["source"]
    return source if isinstance(source, str) else "".join(source)


def _json(data: bytes, name: str) -> Any:
    try:
        # NaN is not JSON, but nbformat writes it in outputs and metadata. JavaScript writes null instead.
        return json.loads(data.decode("utf-8-sig"), parse_constant=lambda _: None)
    except UnicodeDecodeError:
        raise InvalidNotebook(
            f"{name} is not text, so it is not a notebook. Name a file that ends in .ipynb."
        ) from None
    except json.JSONDecodeError as problem:
        if not data.strip():
            _broken(f"{name} is empty. Open it in JupyterLab and save it.")
        if not name.endswith(".ipynb") and data.lstrip()[:1] != b"{":
            raise InvalidNotebook(f"{name} is not a notebook. Name a file that ends in .ipynb.") from None
        _broken(
            f"{name} is broken JSON at line {problem.lineno}, column {problem.colno}: {problem.msg}. "
            "Was a merge conflict left in it? Fix it in a text editor.",
            line=problem.lineno,
            column=problem.colno,
        )
    except (ValueError, RecursionError):
        _broken(f"{name} holds JSON that cannot be read: nested too deeply, or a number that is too long.")


def _broken(message: str, **detail: Any) -> NoReturn:
    raise InvalidNotebook(message, code="broken_json", **detail) from None


def _shape_problem(raw: dict[str, Any]) -> str | None:
    if not _is_count(raw.get("nbformat_minor")):
        return "nbformat_minor is not a number"
    if not isinstance(raw.get("metadata"), dict):
        return "its metadata is not a mapping"
    if not isinstance(raw.get("cells"), list):
        return "its cells are not a list"
    for index, cell in enumerate(raw["cells"]):
        if problem := _cell_problem(cell):
            return f"cell {index + 1} {problem}"
    return None


def _cell_problem(cell: Any) -> str | None:
    if not isinstance(cell, dict):
        return "is not a mapping"
    if not isinstance(cell.get("cell_type"), str):
        return "does not say its type"
    if not isinstance(cell.get("metadata"), dict):
        return "has metadata that are not a mapping"
    source = cell.get("source")
    if not (isinstance(source, str) or (isinstance(source, list) and all(isinstance(line, str) for line in source))):
        return "has a source that is not text"
    if not isinstance(cell.get("id", ""), str):
        return "has an id that is not text"
    tags = cell["metadata"].get("tags", [])
    if not (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)):
        return "has tags that are not a list of texts"
    return None


def _cell(index: int, raw: dict[str, Any]) -> Cell:
    metadata = raw["metadata"]
    return Cell(index, raw["cell_type"], source_of(raw), frozenset(metadata.get("tags", ())), metadata)


def _text(mapping: Any, key: str) -> str | None:
    value = mapping.get(key) if isinstance(mapping, dict) else None
    return value if isinstance(value, str) and value else None


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
