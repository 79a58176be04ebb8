"""Other names that an import gives: `P` for `pathlib.Path`, `osp` for `os.path`."""

from __future__ import annotations

import ast

# These modules matter for paths. Other imports keep the names that the code gives them.
_MODULES = frozenset({"os", "os.path", "sys", "pathlib", "importlib", "importlib.resources", "shutil", "glob"})


class AliasResolver(ast.NodeTransformer):
    """A transformer that rewrites such names to the dotted ones. Feed it the cells in order: names carry over."""

    def __init__(self) -> None:
        self._dotted_names: dict[str, str] = {}

    def resolve(self, tree: ast.Module) -> ast.Module:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                self._dotted_names.update(
                    {alias.asname: alias.name for alias in node.names if alias.asname and alias.name in _MODULES}
                )
            elif isinstance(node, ast.ImportFrom) and node.module in _MODULES:
                # `Path` and `getcwd` are clear by themselves.
                self._dotted_names.update(
                    {
                        alias.asname or alias.name: f"{node.module}.{alias.name}"
                        for alias in node.names
                        if _is_unclear(node, alias)
                    }
                )
        return ast.fix_missing_locations(self.visit(tree)) if self._dotted_names else tree

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in self._dotted_names or not isinstance(node.ctx, ast.Load):
            return node
        return ast.copy_location(ast.parse(self._dotted_names[node.id], mode="eval").body, node)


def _is_unclear(node: ast.ImportFrom, alias: ast.alias) -> bool:
    return (
        alias.asname is not None or node.module in ("os.path", "sys") or (node.module == "os" and alias.name == "path")
    )
