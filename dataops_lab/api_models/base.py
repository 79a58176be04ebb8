"""The parts that all models share: reading, instants, pages and problems."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from functools import cache
from types import UnionType
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin

from pydantic import VERSION, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from ..domain.actors import Actor, ActorKind

T = TypeVar("T", bound=BaseModel)


def _rfc3339(value: dt.datetime) -> str:
    return value.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# A path of the contents API. No file system allows NUL in names.
ContentsPath = Annotated[str, Field(pattern=r"^[^\x00]*$")]
# Strict reading of JSON refuses dates as text in models that are also made from attributes.
Day = Annotated[
    dt.date, BeforeValidator(lambda value: dt.date.fromisoformat(value) if isinstance(value, str) else value)
]
Instant = Annotated[dt.datetime, PlainSerializer(_rfc3339, return_type=str, when_used="json")]


# Build a model on its first use: most programs use few of them. Before pydantic 2.14 this fails when two threads use
# a model for the first time at the same time.
_LATE = tuple(map(int, VERSION.split(".")[:2])) >= (2, 14)


class Model(BaseModel):
    model_config = ConfigDict(from_attributes=True, extra="forbid", defer_build=_LATE)

    @model_validator(mode="before")
    @classmethod
    def _whole_numbers(cls, given: Any) -> Any:
        """Convert numbers such as 1.0 to int for fields that take an integer: JSON counts them as integers."""
        if not isinstance(given, dict):
            return given
        whole = {
            name: int(value)
            for name in _integers(cls)
            if isinstance(value := given.get(name), float) and value.is_integer()
        }
        return {**given, **whole} if whole else given


@cache
def _integers(model: type[BaseModel]) -> set[str]:
    """Return the names of the fields that take integers but no other numbers."""
    kinds = {name: set(_kinds(field.annotation)) for name, field in model.model_fields.items()}
    return {name for name, kind in kinds.items() if int in kind and float not in kind}


def _kinds(annotation: Any) -> Iterator[Any]:
    """Yield the parts of a type: for `Annotated[int, …] | None` int and None.

    The types inside of lists and mappings are not looked at.
    """
    if get_origin(annotation) in (Annotated, Union, UnionType):
        for part in get_args(annotation):
            yield from _kinds(part)
    else:
        yield annotation


class ActorModel(Model):
    """The person, token or system that did something. `id` tells who it is and never changes; `name` is for people."""

    id: str
    name: str
    kind: ActorKind

    @classmethod
    def from_domain(cls, actor: Actor) -> ActorModel:
        return cls(id=actor.id, name=actor.name, kind=actor.kind)

    def __str__(self) -> str:
        return self.name


class Problem(BaseModel):
    """An error by RFC 9457, sent as application/problem+json. `code` is stable; `detail` is a sentence for people."""

    model_config = ConfigDict(defer_build=_LATE)

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    extra: dict[str, Any] = Field(default_factory=dict)


class PageModel(Model, Generic[T]):
    """A page of a list. Send `next` as `cursor` to get the following page; it is null on the last one."""

    items: list[T]
    next: str | None = None

    def to_json(self) -> bytes:
        """Write the page as JSON, item by item.

        All items at once would hold the interpreter, and with it the event loop, for the whole time.
        """
        items = ",".join(item.model_dump_json() for item in self.items)
        return f'{{"items":[{items}],"next":{json.dumps(self.next)}}}'.encode()
