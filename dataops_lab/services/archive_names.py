"""Names in an archive that every system can unpack, for files with any name."""

from __future__ import annotations

import re
from collections.abc import Mapping

_UNSAFE = re.compile(
    r'[\x00-\x1f\x7f-\x9f\\:*?"<>|]'
    # A mark that turns the direction of writing makes people see another name: "exe.gpj" for "jpg.exe".
    "|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
    "|[\ud800-\udfff]"
    # A name that looks encoded must not become the same as one that is encoded.
    "|%(?=[0-9a-fA-F]{2})"
    # Windows drops them at the end of a name.
    "|[. ]$"
)
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)[ ]*(\.|$)", re.IGNORECASE)


class ArchiveNames:
    """The names in one archive. Two files whose names differ only in case get different names too."""

    def __init__(self) -> None:
        self._paths: dict[str, str] = {}
        self._casefolded_names: set[str] = set()

    def name_for(self, path: str) -> str:
        """Return the name for a path: the path itself where it is safe, otherwise with `%xx`, as in URLs.

        Call it once for each path.
        """
        name = "/".join(map(_portable, path.split("/")))
        number = 1
        while name.casefold() in self._casefolded_names:
            number += 1
            name = "/".join(map(_portable, path.split("/"))) + f"~{number}"
        self._casefolded_names.add(name.casefold())
        self._paths[name] = path
        return name

    @property
    def changed(self) -> Mapping[str, str]:
        """The original paths by the name in the archive, where the two differ."""
        return {name: path for name, path in self._paths.items() if name != path}


def _portable(part: str) -> str:
    safe = _UNSAFE.sub(lambda found: _encoded(found[0]), part)
    return _encoded(safe[0]) + safe[1:] if _RESERVED.match(safe) else safe


def _encoded(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))
