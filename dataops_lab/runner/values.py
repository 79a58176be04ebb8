"""The values that a notebook records: display data of `record` and scrapbook, and lines of a file for any language."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..rundir.journal import encode_json
from ..rundir.protocol import VALUE_MIME
from ..rundir.reading import open_plain

VALUE_BYTES = 1_000_000
"""The most bytes of one value as JSON. Larger data belongs into an artifact."""

VALUES_BYTES = 16_000_000
"""The most bytes of all values, and of the file to which other languages append."""

_SCRAPS = ("application/scrapbook.scrap.json+json", "application/scrapbook.scrap.text+json")


class Values:
    """The values of a run. The last value of a name counts.

    `on_recorded` is called with each value, `on_refused` with the reason why one is not kept.
    """

    def __init__(
        self,
        on_recorded: Callable[[str, Any], None],
        on_refused: Callable[[str], None],
        mask: Callable[[Any], Any] = lambda value: value,
    ) -> None:
        self._values: dict[str, Any] = {}
        self._sizes: dict[str, int] = {}
        self._size = 0
        self._on_recorded = on_recorded
        self._on_refused = on_refused
        self._mask = mask

    def take_from_output(self, data: dict[str, Any]) -> None:
        """Take the values that the MIME bundle of an output records, if there are any."""
        if VALUE_MIME in data:
            self._take(data[VALUE_MIME], member="value")
        for mime in _SCRAPS:
            if mime in data:
                self._take(data[mime], member="data")

    def take_from_file(self, path: Path) -> None:
        """Take the lines {"name": …, "value": …} of a file. A missing file records nothing."""
        try:
            with open_plain(path) as lines:  # The run may have put a pipe there, which would keep its reader waiting.
                text = lines.read(VALUES_BYTES)
        except OSError:
            return
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
            except ValueError:
                self._on_refused(f"Line {number} of the values file is not JSON.")
            else:
                self._take(entry, member="value")

    def _take(self, entry: Any, *, member: str) -> None:
        if (
            not isinstance(entry, dict)
            or member not in entry
            or not isinstance(entry.get("name"), str)
            or not entry["name"]
        ):
            self._on_refused("A value was recorded without a name.")
            return
        name, value = self._mask(entry["name"]), self._mask(entry[member])
        size = len(name) + len(encode_json(value))
        if size > VALUE_BYTES:
            self._on_refused(
                f"The value {name[:100]!r} is larger than {VALUE_BYTES // 1_000_000} MB. Write it to a file instead."
            )
        elif self._size + size - self._sizes.get(name, 0) > VALUES_BYTES:
            self._on_refused(
                f"All values together are larger than {VALUES_BYTES // 1_000_000} MB: {name[:100]!r} is not kept."
            )
        else:
            self._size += size - self._sizes.get(name, 0)
            self._sizes[name] = size
            self._values[name] = value
            self._on_recorded(name, value)

    def to_json(self) -> bytes:
        return encode_json(self._values, indent=1)
