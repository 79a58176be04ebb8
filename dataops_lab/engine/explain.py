"""What a failure means here, where the notebook's own error cannot know it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from ..domain.runs import Reason
from ..domain.snapshots import along_line

_QUOTED = re.compile(r"'([^'\0]+)'")


def explained(reason: Reason, source: str) -> Reason:
    """A file that a run does not find, but that lies where the notebook at `source` would have found it."""
    if reason.detail.get("ename") != "FileNotFoundError":
        return reason
    named = _QUOTED.search(str(reason.detail.get("evalue", "")))
    if named is None or named[1].startswith("/"):
        return reason
    path = Path(source).parent / named[1]
    try:
        if not path.is_file():
            return reason
    except (OSError, ValueError):
        return reason
    return replace(
        reason,
        message=f"{reason.message}. It exists beside the notebook, but did not travel with this run. Write "
        f"{along_line(named[1])} into the .dataopsignore beside the notebook, and run the notebook again; "
        "`jupyter dataops inspect` shows what travels.",
        detail={**reason.detail, "left_behind": named[1]},
    )
