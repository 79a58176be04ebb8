"""Find the files, modules and variables that a notebook's code mentions. The code is read, never run."""

from __future__ import annotations

from .calls import scan_calls
from .findings import Import, Mention, Scan, Use, Variable
from .python import PythonScanner
from .text import scan_text

__all__ = ["Import", "Mention", "PythonScanner", "Scan", "Use", "Variable", "scan_calls", "scan_text"]
