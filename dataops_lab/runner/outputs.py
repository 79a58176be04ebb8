"""Outputs as a notebook holds them.

nbformat's own constructors are not used, because they validate each output. That takes longer than all the other work
on it, and to load the schema takes longer than a short notebook.
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
    """Make an output from the type and the content of a kernel's message."""
    return from_dict({"output_type": kind, **{member: content[member] for member in _MEMBERS[kind]}})


def add(outputs: list[Any], new: Any) -> None:
    """Append the output. Text goes into the last output if that is of the same stream."""
    last = outputs[-1] if outputs else None
    if new["output_type"] == "stream" and last and last["output_type"] == "stream" and last["name"] == new["name"]:
        # The text is a list of pieces until `join`: to add text to text would cost more with every message.
        if isinstance(last["text"], str):
            last["text"] = [last["text"]]
        last["text"].append(new["text"])
    else:
        outputs.append(new)


def join(outputs: list[Any]) -> None:
    """Make the text of every stream one text again."""
    for output_ in outputs:
        if output_["output_type"] == "stream" and not isinstance(output_["text"], str):
            output_["text"] = "".join(output_["text"])
