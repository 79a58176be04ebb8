"""Outputs as a notebook holds them.

nbformat's own constructors validate each output: that takes longer than everything else done with
it, and loading the schema longer than a short notebook.
"""

from __future__ import annotations

from typing import Any

from nbformat.notebooknode import from_dict

_MEMBERS = {
    "stream": ("name", "text"),
    "display_data": ("data", "metadata"),
    "execute_result": ("data", "metadata", "execution_count"),
    "error": ("ename", "evalue", "traceback"),
}

KINDS = frozenset(_MEMBERS)


def output(kind: str, content: dict[str, Any]) -> Any:
    """Make an output from type and content of a kernel's message."""
    return from_dict({"output_type": kind, **{member: content[member] for member in _MEMBERS[kind]}})


def add(outputs: list[Any], new: Any) -> None:
    """Append; a stream goes on in the output before it if that is of the same stream."""
    last = outputs[-1] if outputs else None
    if new["output_type"] == "stream" and last and last["output_type"] == "stream" and last["name"] == new["name"]:
        # A list of pieces until `join`: adding text to text would cost more with every message.
        if isinstance(last["text"], str):
            last["text"] = [last["text"]]
        last["text"].append(new["text"])
    else:
        outputs.append(new)


def join(outputs: list[Any]) -> None:
    """Make the text of every stream one text again."""
    for each in outputs:
        if each["output_type"] == "stream" and not isinstance(each["text"], str):
            each["text"] = "".join(each["text"])
