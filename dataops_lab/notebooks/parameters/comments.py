"""Read the comments of a Python cell, by line."""

from __future__ import annotations

import ast
import io
import tokenize
from dataclasses import dataclass

from .. import python_source
from .values import description_of


@dataclass(frozen=True)
class Comments:
    """The comments by line, without the `#`. `trailing` follow code; `alone` are on lines of their own."""

    trailing: dict[int, str]
    alone: dict[int, str]

    @classmethod
    def parse(cls, source: str) -> Comments:
        trailing: dict[int, str] = {}
        alone: dict[int, str] = {}
        try:
            for token in tokenize.generate_tokens(io.StringIO(python_source.without_magics(source)).readline):
                if token.type == tokenize.COMMENT:
                    before = token.line[: token.start[1]]
                    (trailing if before.strip() else alone)[token.start[0]] = token.string.lstrip("#").strip()
        except (tokenize.TokenError, SyntaxError):
            pass  # the comments before the error are enough
        return cls(trailing, alone)

    def comment_beside(self, statement: ast.stmt) -> str:
        """Return the comment on the statement's last line, else on its first."""
        last = self.trailing.get(statement.end_lineno or statement.lineno)
        text = last if last is not None else self.trailing.get(statement.lineno, "")
        return text if text.startswith("type:") else description_of([text])

    def comments_above(self, statement: ast.stmt) -> str:
        """Return the block of comment lines right above the statement, without code that was commented out."""
        lines: list[str] = []
        number = statement.lineno - 1
        while number in self.alone:
            lines.append(self.alone[number])
            number -= 1
        return description_of([line for line in reversed(lines) if not _is_code(line)])


def _is_code(text: str) -> bool:
    tree = python_source.parse(text)
    return tree is not None and any(isinstance(s, (ast.Assign, ast.AnnAssign, ast.Import)) for s in tree.body)
