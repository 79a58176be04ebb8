"""Crontabs: the lines that run a notebook with papermill, nbconvert or nbclient, read but never run.

No shell is called, and nothing is expanded but variables that the crontab itself sets.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import InvalidSchedule
from .cron import normalize_cron
from .dates import DateFunction

MAX_LINES = 10_000
MAX_LINE_LENGTH = 10_000


@dataclass(frozen=True)
class NotebookCommand:
    """A notebook with what a command gives to its run. `path` may be relative to `folder`; so may `parameter_files`.

    `texts` are parameters as typed, `yaml` are texts with a mapping. `notes` say what is not carried over.
    """

    path: str
    folder: str = ""
    kernel: str | None = None
    texts: tuple[tuple[str, str], ...] = ()
    raw: tuple[tuple[str, str], ...] = ()
    """Parameters that are text, whatever they look like."""
    yaml: tuple[str, ...] = ()
    parameter_files: tuple[str, ...] = ()
    dates: Mapping[str, DateFunction] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class CrontabEntry:
    """A line that becomes a schedule. `timezone` None: that of the machine."""

    number: int
    text: str
    cron: str
    timezone: str | None
    command: NotebookCommand


@dataclass(frozen=True)
class LeftLine:
    """A line that is not understood, or that cannot become a schedule, with the reason."""

    number: int
    text: str
    reason: str


@dataclass(frozen=True)
class Crontab:
    entries: Sequence[CrontabEntry]
    left: Sequence[LeftLine]


class _NotUnderstood(Exception):
    """The reason, for people."""


_ASSIGNMENT = re.compile(r"^\s*([A-Za-z_]\w*|\"[A-Za-z_]\w*\"|'[A-Za-z_]\w*')\s*=\s*(.*?)\s*$")
_WORD_ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*=")
_PLACEHOLDER = re.compile("\x00(\\d+)\x00")
_NO_NOTES = frozenset({"SHELL", "PATH", "HOME", "LOGNAME", "USER", "LANG", "LC_ALL", "CRON_TZ", "TZ", "MAILFROM"})


def read_crontab(text: str, *, home: str, with_user: bool = False) -> Crontab:
    """Read a crontab. `home` is the folder in which its commands start; `with_user`: a user name follows the time."""
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise InvalidSchedule(f"The crontab has {len(lines)} lines; {MAX_LINES} are read. Give a part of it.")
    entries, left = [], []
    variables: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if assignment := _ASSIGNMENT.match(line):
            variables[assignment[1].strip("\"'")] = _unquoted(assignment[2])
            continue
        try:
            if len(line) > MAX_LINE_LENGTH:
                raise _NotUnderstood(f"It has more than {MAX_LINE_LENGTH} characters.")
            entries.append(_read_entry(number, stripped, variables, home=home, with_user=with_user))
        except (_NotUnderstood, InvalidSchedule) as error:
            left.append(LeftLine(number, stripped[:MAX_LINE_LENGTH], str(error)))
    return Crontab(entries, left)


def _read_entry(number: int, line: str, variables: Mapping[str, str], *, home: str, with_user: bool) -> CrontabEntry:
    fields = 1 if line.startswith("@") else 5
    words = line.split(None, fields + with_user)
    if len(words) <= fields + with_user:
        raise _NotUnderstood("It has no time of five fields with a command after it.")
    if words[0].lower() == "@reboot":
        raise _NotUnderstood("It starts when the machine does. A schedule follows the clock, a job or files.")
    command = _read_command(_before_input(words[-1]), {"HOME": home, **variables})
    notes = list(command.notes)
    if variables.get("MAILTO"):
        notes.append(f"Mails to {variables['MAILTO']} are not sent.")
    if others := sorted(set(variables) - _NO_NOTES - {"MAILTO"}):
        notes.append(f"The variables {', '.join(others)} are not set: `jupyter dataops variables set` sets them.")
    cron = normalize_cron(" ".join(words[:fields]))
    zone = variables.get("CRON_TZ") or None
    return CrontabEntry(number, line, cron, zone, replace(command, notes=tuple(notes)))


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def _before_input(text: str) -> str:
    """Return the command without the input that follows a `%`; `\\%` is a percent sign."""
    command = re.split(r"(?<!\\)%", text, maxsplit=1)[0]
    return command.replace("\\%", "%")


# --- the words of a command -----------------------------------------------------------------------


def _read_command(text: str, variables: Mapping[str, str]) -> NotebookCommand:
    """Find the one command that runs a notebook, and note what stands around it."""
    folder, notes, found = "", [], None
    for operator, words in _split(text):
        if operator in ("|", "|&", "||"):
            notes.append(f"`{words[0] if words else ''}` after `{operator}` does not run.")
            continue
        rest = _without_prefixes(words, notes)
        if not rest:
            continue
        if rest[0] == "cd" and len(rest) == 2:
            folder = _joined(folder, _expand(rest[1], variables, what="folder"))
        elif rest[0] in ("source", ".", "export", "conda", "mamba", "module", "set", "pyenv"):
            notes.append(f"`{' '.join(rest)}` does not run. The kernel of the notebook decides where it runs.")
        elif rest[0] in ("true", "echo", "date"):
            notes.append(f"`{rest[0]}` does not run.")
        elif found is not None:
            raise _NotUnderstood(f"It runs `{rest[0]}` after the notebook. Schedule a script or a pipeline instead.")
        else:
            found = _notebook_command(rest, variables)
    if found is None:
        raise _NotUnderstood("It runs no notebook with papermill, `jupyter nbconvert --execute` or `jupyter execute`.")
    return replace(found, folder=folder, notes=(*found.notes, *dict.fromkeys(notes)))


def _split(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the commands of a line, each with the operator before it, and without redirections."""
    masked, substitutions = _mask(text)
    lexer = shlex.shlex(masked, posix=True, punctuation_chars="|&;<>()")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        tokens = list(lexer)
    except ValueError:
        raise _NotUnderstood("A quotation mark in it is not closed.") from None
    operator, words, skips = "", list[str](), False
    for token in tokens:
        if skips:
            skips = False
        elif token and set(token) <= set("<>&") and set(token) & set("<>"):
            skips = True  # The file of a redirection.
        elif token and set(token) <= set("|&;"):
            yield operator, [_unmask(word, substitutions) for word in words]
            operator, words = token, []
        elif token and set(token) <= set("()"):
            raise _NotUnderstood("It has a subshell. Write it without parentheses.")
        else:
            words.append(token)
    yield operator, [_unmask(word, substitutions) for word in words]


def _mask(text: str) -> tuple[str, list[str]]:
    """Replace `$(…)` and backticks by one word each, and drop the numbers of redirections, as in `2>&1`."""
    out, found, quote, position = [], list[str](), "", 0
    while position < len(text):
        character = text[position]
        if character == "\x00":
            raise _NotUnderstood("It has a character that no command has.")
        if character == "\\" and quote != "'":
            out.append(text[position : position + 2])
            position += 2
            continue
        if quote != "'" and (text.startswith("$(", position) or character == "`"):
            end = _end_of_substitution(text, position)
            found.append(text[position:end])
            out.append(f"\x00{len(found) - 1}\x00")
            position = end
            continue
        if character in "\"'":
            quote = "" if quote == character else quote or character
        is_number = character.isdigit() and not quote and text[position + 1 : position + 2] in ("<", ">")
        if not (is_number and (position == 0 or text[position - 1].isspace())):
            out.append(character)
        position += 1
    return "".join(out), found


def _end_of_substitution(text: str, start: int) -> int:
    if text[start] == "`":
        end = text.find("`", start + 1)
        if end < 0:
            raise _NotUnderstood("A backtick in it is not closed.")
        return end + 1
    depth = 0
    for position in range(start + 1, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            return position + 1
    raise _NotUnderstood("A parenthesis in it is not closed.")


def _unmask(word: str, substitutions: Sequence[str]) -> str:
    return _PLACEHOLDER.sub(lambda match: substitutions[int(match[1])], word)


_WRAPPERS_WITH_VALUES = {
    "nice": ("-n",),
    "ionice": ("-c", "-n", "-p"),
    "flock": ("-w", "-E", "-c"),
    "timeout": ("-k", "-s"),
}
_WRAPPERS = (*_WRAPPERS_WITH_VALUES, "env", "time", "nohup", "exec", "chronic", "command", "caffeinate")


def _without_prefixes(words: list[str], notes: list[str]) -> list[str]:
    """Drop assignments and programs that only start another one, such as `nice`, and note them."""
    rest = list(words)
    while rest:
        name = rest[0].rpartition("/")[2]
        if _WORD_ASSIGNMENT.match(rest[0]):
            notes.append(f"The variable {rest[0].partition('=')[0]} is not set.")
            rest.pop(0)
        elif name in _WRAPPERS:
            rest.pop(0)
            while rest and rest[0].startswith("-"):
                option = rest.pop(0)
                if option in _WRAPPERS_WITH_VALUES.get(name, ()) and rest:
                    rest.pop(0)
            if name in ("flock", "timeout") and rest:
                rest.pop(0)  # The lock file, or the time.
            if name == "flock":
                notes.append("`flock` does not run. A start is skipped while a run of the schedule is active.")
            elif name == "timeout":
                notes.append("`timeout` does not run. Give the job a time limit instead.")
        else:
            break
    return rest


def _joined(folder: str, path: str) -> str:
    return path if not folder or path.startswith(("/", "~")) else f"{folder}/{path}"


def _expand(word: str, variables: Mapping[str, str], *, what: str) -> str:
    """Replace variables that the crontab sets. Everything else that a shell would do is refused."""
    if word == "~" or word.startswith("~/"):
        word = variables["HOME"] + word[1:]
    if "$(" in word or "`" in word:
        raise _NotUnderstood(f"A shell computes its {what}: `{word}`.")

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in variables:
            raise _NotUnderstood(f"Its {what} has the variable {name}, which the crontab does not set.")
        return variables[name]

    expanded = re.sub(r"\$(?:(\w+)|\{(\w+)\})", value, word)
    if what == "path" and re.search(r"[*?\[]", expanded):
        raise _NotUnderstood(f"Its {what} stands for several files: `{word}`. Name one.")
    return expanded


# --- the programs that run notebooks --------------------------------------------------------------


def _notebook_command(words: list[str], variables: Mapping[str, str]) -> NotebookCommand:
    name = words[0].rpartition("/")[2]
    rest = words[1:]
    if re.fullmatch(r"python[\d.]*", name) and rest[:1] == ["-m"] and len(rest) > 1:
        name, rest = rest[1], rest[2:]
    if name == "jupyter" and rest:
        name, rest = f"jupyter-{rest[0]}", rest[1:]
    if name == "papermill":
        return _papermill(rest, variables)
    if name in ("jupyter-nbconvert", "nbconvert"):
        return _nbconvert(rest, variables)
    if name in ("jupyter-execute", "jupyter-run"):
        return _nbclient(rest, variables)
    if name in ("jupyter-dataops", "dataops"):
        raise _NotUnderstood("It starts a run of ours already. `jupyter dataops schedule set` schedules the notebook.")
    raise _NotUnderstood(f"It runs `{words[0]}`, and no notebook with papermill, nbconvert or nbclient.")


def _options(
    words: Sequence[str], program: str, *, values: Mapping[str, int], flags: str
) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield each option with its values. A word that belongs to no option comes alone, with the option "".

    `values` counts the values of the options that have some; `flags` is a pattern of the options without.
    """
    rest = list(words)
    while rest:
        word = rest.pop(0)
        option, equals, attached = word.partition("=") if word.startswith("--") else (word, "", "")
        if not word.startswith("--") and word[:2] in values and len(word) > 2:
            option, equals, attached = word[:2], "=", word[2:]
        count = values.get(option, 1 if "." in option and option.startswith("--") else 0)
        if count:
            given = [attached] if equals else []
            given += [rest.pop(0) for _ in range(min(count - len(given), len(rest)))]
            if len(given) < count:
                raise _NotUnderstood(f"The option {option} of {program} has no value.")
            yield option, given
        elif not word.startswith("-") or word == "-":
            yield "", [word]
        elif re.fullmatch(flags, word):
            yield word, []
        else:
            raise _NotUnderstood(f"The option {word} of {program} is not known.")


_PAPERMILL_NAMES = {
    "-p": "--parameters",
    "-r": "--parameters_raw",
    "-f": "--parameters_file",
    "-y": "--parameters_yaml",
    "-b": "--parameters_base64",
    "-k": "--kernel",
    "-l": "--language",
    "--start_timeout": "--start-timeout",
}
_PAPERMILL_VALUES = {
    **dict.fromkeys(("-p", "--parameters", "-r", "--parameters_raw"), 2),
    **dict.fromkeys(("-f", "--parameters_file", "-y", "--parameters_yaml", "-b", "--parameters_base64"), 1),
    **dict.fromkeys(("-k", "--kernel", "-l", "--language", "--cwd", "--engine", "--autosave-cell-every"), 1),
    **dict.fromkeys(("--stdout-file", "--stderr-file", "--log-level"), 1),
    **dict.fromkeys(("--start-timeout", "--start_timeout", "--execution-timeout"), 1),
}
_PAPERMILL_FLAGS = (
    r"--(inject-(input-path|output-path|paths)|prepare-(only|execute)"
    r"|(no-)?(request-save-on-cell-execute|progress-bar|log-output|report-mode))"
)


def _papermill(words: list[str], variables: Mapping[str, str]) -> NotebookCommand:
    given: dict[str, list[Any]] = {}
    dates, notes = {}, []
    for option, values in _options(words, "papermill", values=_PAPERMILL_VALUES, flags=_PAPERMILL_FLAGS):
        name = _PAPERMILL_NAMES.get(option, option)
        if name == "--prepare-only":
            raise _NotUnderstood("It prepares the notebook, and does not run it.")
        if name in ("--parameters", "--parameters_raw"):
            if (function := _date_function(values[1])) is not None:
                dates[values[0]] = function
                notes.append(f"{values[0]} is the date {function} of each start, and no longer computed by a shell.")
            else:
                text = _expand(values[1], variables, what=f"parameter {values[0]}")
                given.setdefault(name, []).append((values[0], text))
        elif name in ("", "--kernel", "--parameters_file", "--parameters_yaml"):
            given.setdefault(name, []).append(_expand(values[0], variables, what="command"))
        elif name == "--parameters_base64":
            given.setdefault("--parameters_yaml", []).append(_decoded(values[0]))
        elif values or name.startswith("--inject"):
            notes.append(f"{' '.join([option, *values])} is left out.")
    paths = given.get("", [])
    if not 1 <= len(paths) <= 2 or paths[0] == "-":
        raise _NotUnderstood("It names no notebook, or too many files.")
    if len(paths) == 2 and paths[1] != "-":
        notes.append(f"{paths[1]} is not written: each run has a record with the executed notebook.")
    return NotebookCommand(
        path=_local(paths[0], variables),
        kernel=given.get("--kernel", [None])[-1],
        texts=tuple(given.get("--parameters", ())),
        raw=tuple(given.get("--parameters_raw", ())),
        yaml=tuple(given.get("--parameters_yaml", ())),
        parameter_files=tuple(given.get("--parameters_file", ())),
        dates=dates,
        notes=tuple(notes),
    )


_NBCONVERT_VALUES = dict.fromkeys(
    ("--to", "--output", "--output-dir", "--template", "--config", "--log-level", "--writer", "--post"), 1
)
_NBCONVERT_FLAGS = (
    r"--(execute|allow-errors|inplace|debug|no-input|no-prompt|clear-output|embed-images|show-input|y|quiet)|-y"
)


def _nbconvert(words: list[str], variables: Mapping[str, str]) -> NotebookCommand:
    paths, notes, seen, kernel, to = [], [], set[str](), None, ""
    for option, values in _options(words, "nbconvert", values=_NBCONVERT_VALUES, flags=_NBCONVERT_FLAGS):
        seen.add(option)
        if option == "":
            paths.append(values[0])
        elif option == "--to":
            to = values[0]
        elif option.endswith(".kernel_name"):
            kernel = values[0]
        elif values:
            notes.append(f"{option} {values[0]} is left out.")
    if "--execute" not in seen:
        raise _NotUnderstood("nbconvert has no --execute: it converts the notebook, and does not run it.")
    if "--allow-errors" in seen:
        notes.append("--allow-errors is left out: the first cell that fails ends a run.")
    if "--inplace" in seen:
        notes.append("The notebook is not written to: each run has a record with the executed notebook.")
    if to not in ("", "html", "notebook"):
        notes.append(f"No {to} is made: each run has a record with the executed notebook and an HTML report.")
    return NotebookCommand(path=_one(paths, variables), kernel=kernel, notes=tuple(notes))


_NBCLIENT_VALUES = dict.fromkeys(("--kernel_name", "--output", "--timeout", "--startup_timeout"), 1)


def _nbclient(words: list[str], variables: Mapping[str, str]) -> NotebookCommand:
    paths, notes, kernel = [], [], None
    for option, values in _options(words, "nbclient", values=_NBCLIENT_VALUES, flags=r"--(inplace|allow-errors)"):
        if option == "":
            paths.append(values[0])
        elif option == "--kernel_name":
            kernel = values[0]
        else:
            notes.append(f"{' '.join([option, *values])} is left out.")
    return NotebookCommand(path=_one(paths, variables), kernel=kernel, notes=tuple(notes))


def _one(paths: Sequence[str], variables: Mapping[str, str]) -> str:
    if len(paths) != 1:
        names = f"{len(paths)} notebooks" if paths else "no notebook"
        raise _NotUnderstood(f"It names {names}. Write a line for each, or a pipeline of them.")
    return _local(paths[0], variables)


def _local(path: str, variables: Mapping[str, str]) -> str:
    if re.match(r"^\w+://", path):
        raise _NotUnderstood(f"The notebook is not a file of this machine: {path}.")
    return _expand(path, variables, what="path")


def _decoded(text: str) -> str:
    import base64
    import binascii

    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise _NotUnderstood("Its parameters are not in Base64.") from None


_DATES = {
    "date +%F": DateFunction.TODAY,
    "date +%Y-%m-%d": DateFunction.TODAY,
    "date -I": DateFunction.TODAY,
    "date -d yesterday +%F": DateFunction.YESTERDAY,
    "date -d yesterday +%Y-%m-%d": DateFunction.YESTERDAY,
    "date -d tomorrow +%F": DateFunction.TOMORROW,
    "date -d tomorrow +%Y-%m-%d": DateFunction.TOMORROW,
    "date +%Y-%m": DateFunction.THIS_MONTH,
    "date +%Y-%m-01": DateFunction.MONTH_START,
}


def _date_function(text: str) -> DateFunction | None:
    """Return the function that gives what a shell would compute, for the usual calls of `date`."""
    inner = re.fullmatch(r"\$\((.*)\)|`(.*)`", text.strip(), re.DOTALL)
    if not inner:
        return None
    words = re.sub(r"[\"']", "", inner[1] or inner[2] or "").replace("--date=", "-d ").replace("1 day ago", "yesterday")
    return _DATES.get(" ".join(words.replace("-1 day", "yesterday").replace("--date ", "-d ").split()))
