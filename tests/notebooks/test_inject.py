from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

from dataops_lab.errors import InvalidParameters
from dataops_lab.notebooks import LocalNotebooks

HOSTILE = {
    "text": 'it\'s "q" \\ $(touch ran) `touch ran` ${HOME} !ls\n%pwd\n\t\x03é🎉',
    "number": 0.1,
    "items": [1, "two", None, [True]],
    "mapping": {"a b": {"c": [1.5]}},
}

Cells = Callable[..., Any]


def cells_of(data: bytes) -> list[dict[str, Any]]:
    return json.loads(data)["cells"]


def test_the_cell_goes_behind_the_parameters_cell(notebooks: LocalNotebooks, make: Cells, code: Cells) -> None:
    data = notebooks.inject_parameters(
        make(code("import os"), code("n = 1", "parameters"), code("n")), "python", {"n": 2}, {}
    )
    assert [cell["source"].split("\n")[-1] for cell in cells_of(data)] == ["import os", "n = 1", "n = 2", "n"]
    assert cells_of(data)[2]["metadata"]["tags"] == ["injected-parameters"]


def test_without_a_parameters_cell_it_goes_first(notebooks: LocalNotebooks, make: Cells, code: Cells) -> None:
    assert "n = 2" in cells_of(notebooks.inject_parameters(make(code("n")), "python", {"n": 2}, {}))[0]["source"]


def test_behind_the_last_of_several_parameters_cells(notebooks: LocalNotebooks, make: Cells, code: Cells) -> None:
    data = notebooks.inject_parameters(
        make(code("n = 1", "parameters"), code("m = 1", "parameters")), "python", {"n": 2}, {}
    )
    assert "n = 2" in cells_of(data)[2]["source"]


def test_a_cell_that_was_injected_earlier_is_replaced(notebooks: LocalNotebooks, make: Cells, code: Cells) -> None:
    once = notebooks.inject_parameters(make(code("n = 1", "parameters")), "python", {"n": 2}, {})
    assert notebooks.inject_parameters(once, "python", {"n": 3}, {}).count(b"injected-parameters") == 1


def test_no_values_change_no_byte(notebooks: LocalNotebooks, make: Cells, code: Cells) -> None:
    assert notebooks.inject_parameters(make(code("n")), "python", {}, {}) == make(code("n"))


@pytest.mark.parametrize("minor", [4, 5])
def test_ids_are_there_exactly_where_the_format_has_them(
    minor: int, notebooks: LocalNotebooks, make: Cells, code: Cells
) -> None:
    more = {"id": "first"} if minor == 5 else {}
    data = notebooks.inject_parameters(make(code("n", **more), minor=minor), "python", {"n": 2}, {})
    nbformat.validate(json.loads(data))
    assert ("id" in cells_of(data)[0]) is (minor == 5)


def test_the_same_values_give_the_same_bytes_and_others_another_id(
    notebooks: LocalNotebooks, make: Cells, code: Cells
) -> None:
    data = make(code("n", id="first"), minor=5)
    one, two = (
        notebooks.inject_parameters(data, "python", {"n": 1}, {}),
        notebooks.inject_parameters(data, "python", {"n": 2}, {}),
    )
    assert one == notebooks.inject_parameters(data, "python", {"n": 1}, {})
    assert cells_of(one)[0]["id"] != cells_of(two)[0]["id"]


def test_an_id_that_is_taken_is_not_used_again(notebooks: LocalNotebooks, make: Cells, code: Cells) -> None:
    taken = cells_of(notebooks.inject_parameters(make(code("n", id="x"), minor=5), "python", {"n": 1}, {}))[0]["id"]
    cells = cells_of(notebooks.inject_parameters(make(code("n", id=taken), minor=5), "python", {"n": 1}, {}))
    assert len({cell["id"] for cell in cells}) == 2


def test_a_refused_value_leaves_nothing_half_done(notebooks: LocalNotebooks, make: Cells, code: Cells) -> None:
    with pytest.raises(InvalidParameters, match="surrogate"):
        notebooks.inject_parameters(make(code("n")), "python", {"n": 1, "m": "\ud800"}, {})


@pytest.fixture
def bash_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "kernels" / "shell"
    folder.mkdir(parents=True)
    argv = [sys.executable, "-m", "bash_kernel", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Shell", "language": "bash", "env": {"PS1": "$"}}
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    return "shell"


@pytest.fixture
def execute() -> Iterator[Callable[[str, list[str]], str]]:
    """A function that runs cells one after the other in a real kernel and returns the output of the last one."""
    started: list[Any] = []

    def run(kernel: str, sources: list[str]) -> str:
        manager, client = start_new_kernel(kernel_name=kernel)
        started.append((manager, client))
        printed: list[str] = []

        def collect(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        for source in sources:
            printed.clear()
            reply = client.execute_interactive(source, output_hook=collect, timeout=60)
            assert reply["content"]["status"] == "ok", reply["content"]
        return "".join(printed)

    yield run
    for manager, client in started:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_hostile_values_arrive_equal_in_a_python_kernel(
    notebooks: LocalNotebooks, make: Cells, code: Cells, execute: Callable[[str, list[str]], str]
) -> None:
    values = {**HOSTILE, "day": "2026-01-31"}
    data = notebooks.inject_parameters(make(code("text = 1", "parameters")), "python", values, {"day": "date"})
    show = "import json; print(json.dumps([text, number, items, mapping, type(day).__name__, str(day)]))"
    shown = execute("python3", [cell["source"] for cell in cells_of(data)] + [show])
    assert json.loads(shown) == [*HOSTILE.values(), "date", "2026-01-31"]


def test_hostile_text_arrives_equal_in_a_bash_kernel(
    notebooks: LocalNotebooks, make: Cells, code: Cells, execute: Callable[[str, list[str]], str], bash_kernel: str
) -> None:
    values = {"text": HOSTILE["text"], "long": "é!" * 5000, "items": ["a b", "'", "\n"]}
    data = notebooks.inject_parameters(make(code("text=1", "parameters")), "bash", values, {})
    show = 'printf "%s\\0" "$text" "$long" "${items[@]}" | od -An -v -tx1 | tr -d " \\n"; echo'
    shown = execute(bash_kernel, [cell["source"] for cell in cells_of(data)] + [show])
    expected = b"\0".join(text.encode() for text in [values["text"], values["long"], *values["items"], ""])
    assert bytes.fromhex(shown.strip()) == expected
