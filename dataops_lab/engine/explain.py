"""What a failure means here, where the notebook's own error cannot know it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from ..domain.runs import Reason

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
        if not path.exists():
            return reason
    except OSError:
        return reason
    return replace(
        reason,
        message=f"{reason.message}. It exists beside the notebook, but did not travel with this run. Name it in the "
        "notebook as a path below the workspace's root, take it out of .dataopsignore, and run the notebook again; "
        "`jupyter dataops inspect` shows what travels.",
        detail={**reason.detail, "left_behind": named[1]},
    )
