"""`dataops_lab` for a program of a run: the installed one where its interpreter has it, else `record` and `mail` alone.

This file is put on PYTHONPATH as `dataops_lab.py`, before what is installed, with record.py as `_dataops_record.py`
beside it. PYTHONPATH reaches every Python that the program starts: none of them may lose an installed dataops_lab.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec

_here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  (every import of pathlib takes time)
_installed = PathFinder.find_spec(__name__, [path for path in sys.path if os.path.abspath(path) != _here])  # noqa: PTH100

if _installed is not None and _installed.loader is not None:
    # The import statement returns what is in sys.modules when this file has run.
    _module = module_from_spec(_installed)
    sys.modules[__name__] = _module
    _installed.loader.exec_module(_module)
else:
    from _dataops_record import mail, record  # type: ignore[import-not-found]  # noqa: F401
