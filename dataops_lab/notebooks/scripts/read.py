"""Read a script from disk. It is never executed here."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from ...errors import InvalidScript
from ..regular_file import read_regular_file

LANGUAGES = {".py": "python", ".r": "R", ".sh": "shell", ".bash": "shell"}
"""The language of a script, by the end of its name in lower case."""

_BYTE_ORDER_MARK = "\ufeff"
_SHEBANG = re.compile(r"#![ \t]*(?P<line>\S.*)")


@dataclass(frozen=True)
class Script:
    """A script as it lies on disk: its bytes are what runs."""

    name: str
    data: bytes

    @property
    def language(self) -> str:
        return LANGUAGES[PurePosixPath(self.name).suffix.lower()]

    @cached_property
    def text(self) -> str:
        """The text without a byte order mark, for readers of the code. Bytes that are not UTF-8 are replaced."""
        return self.data.decode("utf-8", "replace").removeprefix(_BYTE_ORDER_MARK)

    @property
    def has_byte_order_mark(self) -> bool:
        return self.data.startswith(_BYTE_ORDER_MARK.encode())

    @property
    def has_windows_line_ends(self) -> bool:
        return b"\r\n" in self.data

    @property
    def shebang(self) -> tuple[str, ...]:
        """The program of the first line and its arguments, without `env`; () for none."""
        first = self.text.splitlines()[:1]
        match = _SHEBANG.fullmatch(first[0]) if first else None
        if match is None:
            return ()
        try:
            words = shlex.split(match["line"])
        except ValueError:
            words = match["line"].split()
        if PurePosixPath(words[0]).name == "env":
            # `env -S bash -e` splits its line; assignments before the program are rare and left out.
            words = [word for word in words[1:] if word not in ("-S", "--split-string")]
            while words and (words[0].startswith("-") or "=" in words[0]):
                words = words[1:]
        return tuple(words)


def read_script(path: Path, *, max_bytes: int) -> Script:
    """Read the script at `path`.

    Raise InvalidScript, which says what is wrong with the file; SnapshotTooLarge above `max_bytes`.
    """
    data = read_regular_file(
        path,
        max_bytes=max_bytes,
        noun="script",
        error=InvalidScript,
        suffixes=".py, .sh or .R",
        hint="Move data out of the script.",
    )
    if b"\0" in data:
        raise InvalidScript(f"{path} is not text, so it is not a script. Name a file that ends in .py, .sh or .R.")
    return Script(path.name, data)
