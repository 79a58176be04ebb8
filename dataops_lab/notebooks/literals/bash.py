"""Write values as bash source.

The source has only printable ASCII, without `!`. Kernels type it into an interactive shell. There a tab completes,
a control character acts and `!` looks into the history, also inside quotes.
"""

from __future__ import annotations

import math
import re
from typing import Any

from .declared import Declared
from .problem import Unwritable, without_nul

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = frozenset(
    """
    if then else elif fi case esac for select while until do done in function time coproc
    """.split()  # noqa: SIM905
)
# Bash runs the value of some of these, computes an assignment to others, and reserves the rest.
_SPECIAL = frozenset(
    """
    DIRSTACK ENV EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME GROUPS HISTCMD LINENO MAILCHECK OPTERR OPTIND PIPESTATUS
    PPID PROMPT_COMMAND PS0 PS1 PS2 PS4 RANDOM SECONDS SHELLOPTS SHLVL SRANDOM UID _
    """.split()  # noqa: SIM905
)
_SPECIAL_PREFIXES = ("BASH", "COMP_", "READLINE_")
_BARE = re.compile(r"[A-Za-z0-9_.,:/+@%=-]+")
_QUOTABLE = re.compile(r"[ -&(-~]*")


def assignment(name: str, value: Any, declared: Declared) -> str:  # noqa: ARG001 — text is all that bash has
    if not _NAME.fullmatch(name) or name in _RESERVED or _is_special(name):
        raise Unwritable("is not a name that bash lets be set")
    assigned = _assign(name, value)
    # After `declare -i` bash computes each assigned text, and runs commands in it. Only a number is safe there.
    return assigned if value is None or type(value) is int else f"declare +i {name}; {assigned}"


def _is_special(name: str) -> bool:
    return name in _SPECIAL or name.startswith(_SPECIAL_PREFIXES)


def _assign(name: str, value: Any) -> str:
    match value:
        case None:
            return f"unset {name}"
        case list() | tuple():
            return f"{name}=({' '.join(_scalar(member) for member in value)})"
        case dict():
            pairs = " ".join(f"[{_key(key)}]={_scalar(member)}" for key, member in value.items())
            return f"declare -A {name}=({pairs})"
    return f"{name}={_scalar(value)}"


def _scalar(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            if not math.isfinite(value):
                raise Unwritable("is not a finite number, which bash has no word for")
            return repr(value)
        case str():
            return _quoted(value)
    raise Unwritable("holds a list, a mapping or nothing inside another value, which bash cannot hold")


def _key(key: Any) -> str:
    if not isinstance(key, str) or not key:
        raise Unwritable("has a key that is empty or not text, which bash cannot have")
    return _quoted(key)


def _quoted(text: str) -> str:
    without_nul(text, "bash")
    if _BARE.fullmatch(text):
        return text
    if _QUOTABLE.fullmatch(text) and "!" not in text:
        return f"'{text}'"
    return "$'" + "".join(_byte(byte) for byte in text.encode()) + "'"


def _byte(byte: int) -> str:
    """Write a byte as three octal digits, which mean the same in every locale and before any other character."""
    char = chr(byte)
    return char if " " <= char <= "~" and char not in "'\\!" else f"\\{byte:03o}"
