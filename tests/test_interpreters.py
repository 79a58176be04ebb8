"""Every Python that the product starts. None of them may import a module from a person's workspace."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import dataops_lab

SOURCE = Path(dataops_lab.__file__).parent
# In a container Python starts in `/` of the image. Kernels start in the workspace, see tests/kernels/test_container.py.
IN_CONTAINERS = SOURCE / "executors" / "docker"
PYTHONS = {"sys.executable", "self._python", "self._program", "program", "str(program)", "PYTHON"}


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(SOURCE.rglob("*.py")):
        if not path.is_relative_to(IN_CONTAINERS):
            yield str(path.relative_to(SOURCE)), ast.parse(path.read_text(encoding="utf-8"))


def test_every_interpreter_is_started_where_it_searches_no_workspace() -> None:
    found = []
    for name, tree in trees():
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        in_root = {id(call.args[0]) for call in calls if call.args and _cwd(call) == "/"}
        for node in ast.walk(tree):
            if isinstance(node, ast.List) and len(node.elts) > 1 and ast.unparse(node.elts[0]) in PYTHONS:
                option = node.elts[1]
                safe = isinstance(option, ast.Constant) and option.value in ("-P", "-I")
                found.append((name, node.lineno, safe or id(node) in in_root))
    assert len(found) >= 7
    assert [(name, line) for name, line, safe in found if not safe] == []


def test_no_process_comes_from_multiprocessing_whose_children_search_the_current_folder() -> None:
    taken = set()
    for _, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                taken |= {f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                taken |= {alias.name for alias in node.names}
    processes = {name for name in taken if name.startswith("multiprocessing") or "ProcessPool" in name}
    assert processes <= {"multiprocessing.connection.Connection", "multiprocessing.connection.wait"}


def _cwd(call: ast.Call) -> str | None:
    return next((ast.literal_eval(word.value) for word in call.keywords if ast.unparse(word) == "cwd='/'"), None)
