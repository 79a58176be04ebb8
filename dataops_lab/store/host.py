from __future__ import annotations

import os


def this_host() -> str:
    """Return the name of this machine, by which a workspace knows its folder here."""
    return os.uname().nodename[:64]
