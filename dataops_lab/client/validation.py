"""Checks of what a caller gives, before it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from ..domain.parameters import ParameterSchema
from ..domain.versions import parameter_from_json
from ..errors import InvalidRequest

if TYPE_CHECKING:
    from ..api_models import InspectionModel

M = TypeVar("M", bound=BaseModel)


def parameter_schema(inspection: InspectionModel) -> ParameterSchema:
    """Return the declared parameters of an inspected source."""
    return ParameterSchema(tuple(parameter_from_json(parameter.model_dump()) for parameter in inspection.parameters))


def validated(model: type[M], **values: Any) -> M:
    """Make a request of what a caller gave. InvalidRequest, which names the first member that is wrong."""
    try:
        return model(**values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidRequest(f"`{'.'.join(map(str, first['loc']))}`: {first['msg']}.") from None
