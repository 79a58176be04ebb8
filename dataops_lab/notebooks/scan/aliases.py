"""Other names that an import gives: `P` for `pathlib.Path`, `osp` for `os.path`."""

from __future__ import annotations

import ast

# These modules matter for paths. Other imports keep the names that the code gives them.
_MODULES = frozenset({"os", "os.path", "sys", "pathlib", "importlib", "importlib.resources", "shutil", "glob"})


class Canonical(ast.NodeTransformer):
    """A transformer that rewrites such names to the dotted ones. Feed it the cells in order: names carry over."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, tree: ast.Module) -> ast.Module:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                self._known.update({it.asname: it.name for it in node.names if it.asname and it.name in _MODULES})
            elif isinstance(node, ast.ImportFrom) and node.module in _MODULES:
                # `Path` and `getcwd` are clear by themselves.
                self._known.update(
                    {it.asname or it.name: f"{node.module}.{it.name}" for it in node.names if _is_unclear(node, it)}
                )
        return ast.fix_missing_locations(self.visit(tree)) if self._known else tree

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in self._known or not isinstance(node.ctx, ast.Load):
            return node
        return ast.copy_location(ast.parse(self._known[node.id], mode="eval").body, node)


def _is_unclear(node: ast.ImportFrom, it: ast.alias) -> bool:
    return it.asname is not None or node.module in ("os.path", "sys") or (node.module == "os" and it.name == "path")
