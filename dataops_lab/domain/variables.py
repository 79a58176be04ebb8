"""A variable of an environment: a name and a value that every kernel there gets. Secrets are in secrets.py."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field

from ..errors import Refused
from .actors import Actor

MAX_VALUE_BYTES = 64_000
"""The largest size of one variable or secret, in bytes. The Linux kernel takes at most twice as much."""

MAX_NAME = 100

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = frozenset(
    """
    PATH HOME USER LOGNAME SHELL PWD OLDPWD SHLVL TMPDIR TMP TEMP IFS ENV BASH_ENV BASHOPTS SHELLOPTS PS4
    PROMPT_COMMAND VIRTUAL_ENV NODE_OPTIONS PERL5LIB PERL5OPT RUBYOPT RUBYLIB JAVA_TOOL_OPTIONS
    R_PROFILE R_PROFILE_USER R_ENVIRON R_ENVIRON_USER GCONV_PATH LOCPATH
    _ EDITOR VISUAL PAGER MANPAGER BROWSER LESSOPEN LESSCLOSE SSH_ASKPASS
    GIT_SSH GIT_SSH_COMMAND GIT_PROXY_COMMAND GIT_ASKPASS GIT_EDITOR GIT_SEQUENCE_EDITOR GIT_PAGER GIT_EXTERNAL_DIFF
    GIT_EXEC_PATH GIT_TEMPLATE_DIR GIT_DIR GIT_COMMON_DIR
    """.split()  # noqa: SIM905
)
_RESERVED_PREFIXES = (
    "DATAOPS_",
    "JUPYTER_",
    "JPY_",
    "IPYTHON",
    "PYTHON",
    "LD_",
    "DYLD_",
    "BASH_FUNC",
    "CONDA_",
    "GIT_CONFIG",
)


@dataclass(frozen=True)
class Variable:
    environment: str
    name: str
    value: str
    changed_at: dt.datetime
    changed_by: Actor
    revision: int = field(default=1, compare=False)
    """A number that counts the changes."""


def check_name(name: str) -> None:
    """Raise Refused for a name that is not one, or that decides which programs run and which files they load."""
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise Refused(
            f"{name[:MAX_NAME]!r} is not a variable name: letters, digits and underscores, no digit first, at most "
            f"{MAX_NAME} characters.",
            code="invalid_variable_name",
        )
    if name.upper() in _RESERVED or name.upper().startswith(_RESERVED_PREFIXES):
        raise Refused(
            f"{name} is reserved: it decides how programs start, or belongs to Jupyter or dataops_lab. "
            "Choose another name.",
            code="reserved_variable_name",
        )


def check_value(name: str, value: str) -> None:
    """Raise Refused for a value that no process can get. The message never quotes the value."""
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        size = None
    if size is None or "\0" in value:
        raise Refused(f"The value of {name} must be valid Unicode without NUL characters.")
    if size > MAX_VALUE_BYTES:
        raise Refused(
            f"The value of {name} has {size:,} bytes; at most {MAX_VALUE_BYTES:,} are allowed. Keep what is larger in "
            "a file or a store that the notebook reads, and its password here.",
            code="value_too_large",
        )
