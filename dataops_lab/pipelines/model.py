"""The file `NAME.pipeline.yaml`, member by member. The reader and the published JSON Schema are made of this."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, StrictStr, WithJsonSchema
from pydantic_core import PydanticCustomError

from ..domain.environments import parse_size
from ..domain.parameters import ParameterType
from ..domain.pipelines import MAX_STEP_ID, SHARE, RunIf, Tolerance
from ..domain.settings import MAX_RETRIES, MAX_TIMEOUT_S

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_TIME = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?[dhms])+", re.ASCII)
_TIME_PART = re.compile(r"([0-9.]+)([dhms])", re.ASCII)


def seconds_of(value: Any) -> float:
    """Return the seconds of a time as people write it: `30m`, `1h30m`, `90` seconds. ValueError for anything else."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str) and _TIME.fullmatch(value):
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _TIME_PART.findall(value))
    else:
        raise ValueError(f"{_shown(value)} is not a time. Write one such as 30m, 1h30m or 90 (seconds)")
    if not 0 < seconds <= MAX_TIMEOUT_S:
        raise ValueError(f"A time is more than 0 and at most {MAX_TIMEOUT_S / _UNITS['d']:.0f}d, not {_shown(value)}")
    return seconds


def _size(value: Any) -> int:
    if isinstance(value, bool):
        raise ValueError(f"{_shown(value)} is not a size. Write one such as 4G, 512Mi or 1000000")
    try:
        return parse_size(str(value))
    except ValueError as error:
        raise ValueError(str(error).rstrip(".")) from None


def _condition(value: Any) -> Any:
    """Take `if: true` for the expression."""
    return str(value).lower() if isinstance(value, bool) else value


def _variable(value: Any) -> Any:
    """Take a text or the expression that gives it."""
    if not isinstance(value, (str, dict)):
        raise PydanticCustomError("string_type", "a text")
    if isinstance(value, dict) and (value.keys() != {"cel"} or not isinstance(value["cel"], str)):
        raise ValueError("A variable is a text, or {cel: EXPRESSION}")
    return value


def _shown(value: Any) -> str:
    return repr(value)[:40]


def _either(*schemas: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": list(schemas)})


Seconds = Annotated[
    float, BeforeValidator(seconds_of), _either({"type": "number"}, {"type": "string", "pattern": f"^{_TIME.pattern}$"})
]
Bytes = Annotated[int, BeforeValidator(_size), _either({"type": "integer"}, {"type": "string"})]
Failures = Annotated[
    Tolerance,
    BeforeValidator(Tolerance.parse),
    _either({"type": "integer", "minimum": 0}, {"type": "string", "pattern": f"^{SHARE.pattern}$"}),
]
Expression = Annotated[StrictStr, BeforeValidator(_condition), _either({"type": "string"}, {"type": "boolean"})]
_REFERENCE = {
    "type": "object",
    "description": "An expression that gives the value",
    "properties": {"cel": {"type": "string"}},
    "required": ["cel"],
    "additionalProperties": False,
}
Value = Annotated[Any, _either(_REFERENCE, {})]
Inputs = Annotated[Any, _either(_REFERENCE, {"type": "array"})]
Variable = Annotated[Any, BeforeValidator(_variable), _either({"type": "string"}, _REFERENCE)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class ParameterPart(_Part):
    """One parameter of the pipeline."""

    type: ParameterType = ParameterType.ANY
    default: Any = None
    """The value when none is given. Without it the parameter must be given."""
    required: StrictBool | None = None
    nullable: StrictBool = False
    """Whether null is a value of the parameter."""
    description: StrictStr = ""
    choices: list[Any] = Field(default_factory=list)
    items: ParameterType | None = None
    """The type of the members of a list."""


class ResourcesPart(_Part):
    """The resources that an attempt of a step gets."""

    cpus: float | None = None
    memory: Bytes | None = None
    """A size such as `4Gi` or `500M`; a number means bytes."""
    pids: StrictInt | None = None
    """The number of processes."""
    gpus: StrictInt | None = None


class DefaultsPart(_Part):
    """Settings for all steps that do not say otherwise."""

    image: StrictStr | None = None
    """The name of an image of the catalogue."""
    kernel: StrictStr | None = None
    """The kernel of notebooks."""
    retries: Annotated[StrictInt, Field(ge=0, le=MAX_RETRIES)] | None = None
    """How often a step is tried again after an error of its own."""
    timeout: Seconds | None = None
    """The longest time that an attempt may run, such as `30m`."""
    resources: ResourcesPart = ResourcesPart()
    env: dict[StrictStr, Variable] = Field(default_factory=dict)
    """Environment variables, each a text or `{cel: EXPRESSION}`."""


class FilesPart(_Part):
    """Files that another step left."""

    giver: Annotated[StrictStr, Field(alias="from")]
    """The step that leaves them."""
    paths: list[StrictStr]
    """Patterns such as `data.csv` or `figures/*.png`, from the folder of this file."""
    into: StrictStr | None = None
    """The folder for them; `.` keeps their paths. By default `inputs/<step>`."""


class ForEachPart(_Part):
    """A fan-out: the step runs once for each item of a list."""

    item: StrictStr = "item"
    """The name of the item in expressions."""
    inputs: Inputs
    """The list, or the expression that gives it."""
    key: StrictStr | None = None
    """An expression that gives the item's name."""
    concurrency: StrictInt | None = None
    """How many items may be active at once."""
    max_failures: Failures | None = None
    """How many items may fail: a number such as `3`, or a share such as `5%`."""


class ApprovePart(_Part):
    """A question to people. The steps after it wait for the answer."""

    ask: StrictStr
    who: list[StrictStr] = Field(default_factory=list)
    """The people who may decide; by default everybody who may run it."""
    within: Seconds | None = None
    """The time after which the question expires, such as `24h`."""


class StepPart(DefaultsPart):
    """One step. It has exactly one of `notebook`, `script`, `command` and `approve`."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": [kind]} for kind in ("notebook", "script", "command", "approve")],
        }
    )

    notebook: StrictStr | None = None
    """The path of a notebook, from the folder of this file."""
    script: StrictStr | None = None
    """The path of a script, from the folder of this file."""
    command: list[StrictStr] | None = None
    """The words of a command. No shell reads them."""
    include: list[StrictStr] = Field(default_factory=list)
    """Patterns of files that travel with a command though none of its words names them."""
    approve: ApprovePart | None = None
    title: StrictStr = ""
    needs: list[StrictStr] = Field(default_factory=list)
    """The steps that must have ended before."""
    condition: Annotated[Expression | None, Field(alias="if")] = None
    """An expression: the step is skipped when it gives false."""
    run_if: RunIf = RunIf.ALL_SUCCESS
    """Which ends of the needed steps let this one run."""
    for_each: ForEachPart | None = None
    parameters: Annotated[dict[StrictStr, Value], Field(alias="with")] = Field(default_factory=dict)
    """Values of the parameters, each as it is or as `{cel: EXPRESSION}`."""
    files: list[FilesPart] = Field(default_factory=list)
    outputs: list[StrictStr] = Field(default_factory=list)
    """Patterns of files that the step must leave."""
    disabled: StrictBool = False
    reuse: StrictBool = True
    """Whether a run with reuse may take over an earlier result of the step."""


class OutputPart(_Part):
    """A file of a step that the pipeline publishes when it succeeds."""

    step: StrictStr
    """The step that leaves it."""
    path: StrictStr
    """Where it is published, from the folder of this file, such as `reports/{region}-{nominal}.html`."""
    source: Annotated[StrictStr, Field(alias="from")] = ""
    """The file that the step leaves; or `notebook`, `report`, `report-without-code`. By default the same path."""
    optional: StrictBool = False
    """Whether the pipeline succeeds without it."""
    overwrite: StrictBool = False
    """Whether it replaces a file that no run of this pipeline published."""


class PipelineFile(_Part):
    """A pipeline of dataops_lab: steps that need one another."""

    version: Literal[1]
    """The version of this format."""
    title: StrictStr = ""
    parameters: dict[StrictStr, ParameterPart] = Field(default_factory=dict)
    defaults: DefaultsPart = DefaultsPart()
    timeout: Seconds | None = None
    """The longest time for all of it. Time in which it waits for people does not count."""
    concurrency: StrictInt | None = None
    """How many runs of this pipeline may be active at once."""
    outputs: list[OutputPart] = Field(default_factory=list)
    """The files that it publishes when it succeeds."""
    steps: Annotated[
        dict[StrictStr, StepPart],
        Field(json_schema_extra={"propertyNames": {"pattern": f"^[a-z_][a-z0-9_]{{0,{MAX_STEP_ID - 1}}}$"}}),
    ]
    """The steps, each under its id. The order of the file decides the order of lists only."""
