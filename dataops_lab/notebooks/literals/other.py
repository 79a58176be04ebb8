"""Write values for other languages: with papermill's translators, and only values that they cannot get wrong."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Callable
from typing import Any

from ...errors import InvalidParameters
from .declared import Declared
from .problem import Unwritable

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
# This text means the same between the quotes of every language.
_SAFE_TEXT = re.compile(r"[A-Za-z0-9 _.,:/+-]*")


def _kernel(language: str) -> str:
    return f"a {language} kernel" if language else "a kernel whose language neither it nor the notebook says"


def writer(language: str) -> Callable[[str, Any, Declared], str]:
    """Return papermill's writer of values. InvalidParameters when papermill does not know the language either."""
    # This import takes seconds, and most people never need it.
    from papermill.exceptions import PapermillException
    from papermill.translators import papermill_translators

    try:
        translator = papermill_translators.find_translator("", language)
    except PapermillException:
        raise InvalidParameters(
            f"Parameters cannot be passed to {_kernel(language)}: nothing here writes its values. "
            "Run the notebook without parameters, or read them from a file.",
            problems=[],
            parameters=[],
        ) from None

    def assignment(name: str, value: Any, declared: Declared) -> str:  # noqa: ARG001
        if not _NAME.fullmatch(name) or keyword.iskeyword(name):
            raise Unwritable(f"is not a name that is safe in {language}")
        text = str(translator.assign(name, translator.translate(_check_safe(value, language))))
        return text.strip("\n")

    return assignment


def _check_safe(value: Any, language: str) -> Any:
    match value:
        case bool() | int():
            return value
        case float() if math.isfinite(value):
            return value
        case str() if _SAFE_TEXT.fullmatch(value):
            return value
    raise Unwritable(
        f"cannot be written safely in {language}: only finite numbers, true or false, and text of letters, "
        "digits, blanks and _.,:/+- can"
    )
