"""How arguments and results are written as bytes.

Text travels raw, as UTF-8, and ``bytes`` raw; None is empty; everything else is JSON, a model's
fields in the order of their declaration. A parameter is text when its values are ``str`` in Python:
``str`` itself, constrained or renamed, a literal of strings, an enumeration of strings. So a value
alone decides its bytes, and its writer need not know the parameter.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum, auto
from typing import Any, TypeAlias

from pydantic import BaseModel, JsonValue, TypeAdapter
from pydantic_core import PydanticSerializationError, to_json

Argument: TypeAlias = JsonValue | bytes | BaseModel | Sequence[BaseModel]
Decoder: TypeAlias = Callable[[bytes], object]
Encoder: TypeAlias = Callable[
    [Any], bytes
]  # Any: the declared type of a result, known to mypy only


class Form(StrEnum):
    """How the values of a type travel."""

    TEXT = auto()
    RAW = auto()
    NOTHING = auto()
    JSON = auto()


_PLAIN_FORMS = {"str": Form.TEXT, "bytes": Form.RAW, "none": Form.NOTHING}
_PLAIN_TYPES: Mapping[Form, type] = {Form.TEXT: str, Form.RAW: bytes, Form.NOTHING: type(None)}

_WRAPPERS = frozenset({"nullable", "definitions", "function-before", "function-after"})
_JSON_KINDS: Mapping[str, str] = {
    "int": "an integer",
    "bool": "true or false",
    **dict.fromkeys(("list", "tuple", "set", "frozenset"), "an array"),
    **dict.fromkeys(("model", "dict", "typed-dict", "dataclass"), "an object"),
    **dict.fromkeys(("datetime", "date", "time", "uuid"), "text in double quotes"),
}
"""What values are in JSON, by pydantic's name of their type; of others nothing more is said."""


def encode(value: object) -> bytes:
    """Return the bytes that a value travels as when only the value is known."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return value
    return b"" if value is None else to_json(value)


def decoder(adapter: TypeAdapter[Any]) -> Decoder:
    """Return the function that reads one argument of the adapter's type.

    JSON values are not coerced: neither ``true`` nor ``"1"`` is an integer. Empty bytes are None
    where the type admits it.

    The function raises pydantic's ValidationError, or UnicodeDecodeError for text that is not
    UTF-8.
    """
    form, nullable = _form(adapter.core_schema)
    validate = adapter.validator.validate_python
    validate_json = adapter.validator.validate_json
    read: Decoder
    match form:
        case Form.TEXT if adapter.core_schema == {"type": "str"}:
            read = bytes.decode
        case Form.TEXT:
            read = lambda data: validate(data.decode())  # noqa: E731 -- one of four one-liners
        case Form.RAW:
            read = validate
        case Form.NOTHING | Form.JSON:
            read = lambda data: validate_json(data, strict=True)  # noqa: E731
    return (lambda data: read(data) if data else None) if nullable else read


def encoder(adapter: TypeAdapter[Any]) -> Encoder:
    """Return the function that writes one result of the adapter's type.

    The function raises PydanticSerializationError when the result is not of that type, and
    pydantic's ValidationError when it is None and the type does not admit that.
    """
    form, _ = _form(adapter.core_schema)
    plain_type = _PLAIN_TYPES.get(form)
    dump_json = adapter.serializer.to_json

    def write(value: object) -> bytes:
        if value is None:
            adapter.validator.validate_python(None)  # the serializer lets None pass for anything
            return b""
        if plain_type is None:
            return dump_json(value, warnings="error")
        if not isinstance(value, plain_type):
            raise PydanticSerializationError(f"the result is of type {type(value).__name__}")
        return encode(value)

    return write


def json_kind(adapter: TypeAdapter[Any]) -> str:
    """Return what a caller is to write for an argument that travels as JSON, in words."""
    schema: Mapping[str, Any] = adapter.core_schema
    while schema["type"] in _WRAPPERS:
        schema = schema["schema"]
    kind = _JSON_KINDS.get(schema["type"])
    return "JSON" if kind is None else f"JSON ({kind})"


def _form(schema: Mapping[str, Any]) -> tuple[Form, bool]:
    """Return the form of a type and whether None belongs to it."""
    match schema:
        case {"type": "nullable", "schema": inner}:
            return _form(inner)[0], True
        case {"type": "definitions" | "function-before" | "function-after", "schema": inner}:
            return _form(inner)
        case {"type": "literal", "expected": values} | {"type": "enum", "members": values}:
            return (Form.TEXT if _all_text(values) else Form.JSON), False
        case _:
            form = _PLAIN_FORMS.get(schema["type"], Form.JSON)
            return form, form is Form.NOTHING


def _all_text(values: Sequence[object]) -> bool:
    return all(isinstance(value, str) for value in values)
