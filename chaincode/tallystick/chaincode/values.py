"""Immutable values with checked fields: the base of a contract's rows, arguments and results.

What comes from outside is validated as any pydantic model is. What a contract works out itself need
not be, and making and changing values is much of what a movement of units costs; so both are done
here without pydantic's search for aliases, extras and private attributes, which values do not have.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

# Where pydantic keeps the parts of a model: a frozen one refuses to be set by name.
_set_content, _set_fields_set, _set_extra, _set_private = (
    vars(BaseModel)[name].__set__
    for name in (
        "__dict__",
        "__pydantic_fields_set__",
        "__pydantic_extra__",
        "__pydantic_private__",
    )
)


class Value(BaseModel):
    """An immutable value that knows all its fields. Fields have no aliases and no factories."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def model_construct(  # type: ignore[override]  # mypy's plugin narrows it for each model
        cls,
        _fields_set: set[str] | None = None,
        **values: Any,  # noqa: ANN401 -- as pydantic has it
    ) -> Self:
        """Return the value whose fields are known to be valid; what is left out is its default.

        Raises:
            TypeError: A field without default is missing, or there is no such field.
        """
        shape = _shape(cls)
        content = {**shape.defaults, **values}
        if len(content) != len(shape.defaults) or not shape.required <= values.keys():
            raise TypeError(f"{cls.__name__} has other fields than {sorted(values)}")
        return cls._of(content, shape)

    def model_copy(
        self,
        *,
        update: Mapping[str, Any] | None = None,
        deep: bool = False,  # noqa: ARG002 -- as pydantic has it
    ) -> Self:
        """Return the value with some fields changed to what is known to be valid.

        Parts are shared with the former value, which is safe as they are immutable; ``deep`` makes
        no difference.

        Raises:
            TypeError: There is no such field.
        """
        shape = _shape(type(self))
        kept = self.__dict__
        if len(kept) != len(shape.defaults):
            # What was computed from the former fields, and kept, must not come along.
            kept = {name: kept[name] for name in shape.defaults}
        content = {**kept, **(update or {})}
        if len(content) != len(shape.defaults):
            raise TypeError(f"{type(self).__name__} has other fields than {sorted(update or {})}")
        return self._of(content, shape)

    @classmethod
    def _of(cls, content: dict[str, Any], shape: "_Shape") -> Self:
        value: Self = object.__new__(cls)
        _set_content(value, content)
        _set_fields_set(value, shape.names)
        _set_extra(value, None)
        _set_private(value, None)
        return value


@dataclass(frozen=True, slots=True)
class _Shape:
    """The fields of a class of values.

    Attributes:
        defaults: By field, in the order of declaration, which is that of their JSON; what stands
            there for a field without default has no meaning.
    """

    defaults: Mapping[str, Any]
    required: frozenset[str]
    names: set[str]


@cache
def _shape(cls: type[Value]) -> _Shape:
    fields = cls.model_fields
    odd = [name for name, each in fields.items() if each.alias or each.default_factory]
    if odd:
        raise TypeError(f"{cls.__name__}: {', '.join(odd)} may have no alias and no factory")
    return _Shape(
        defaults={name: each.default for name, each in fields.items()},
        required=frozenset(name for name, each in fields.items() if each.is_required()),
        names=set(fields),
    )
