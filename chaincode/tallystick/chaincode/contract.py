"""Contracts: classes whose decorated methods clients can call.

Everything that can be prepared is prepared once, when the class is created: type hints are resolved
and every parameter gets its decoder. A call then only decodes, runs and encodes.
"""

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic_core import PydanticSerializationError

from tallystick.chaincode.codec import Decoder, Encoder, decoder, encoder, json_kind
from tallystick.chaincode.context import Context
from tallystick.chaincode.decorators import FunctionKind, kind_of
from tallystick.chaincode.errors import (
    BAD_REQUEST,
    ContractDefinitionError,
    Refusal,
    WrongResultError,
)

_MOST_SHOWN = 40
"""So many bytes of an argument are shown to whom it is refused."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a contract function, after ``self`` and the context.

    Attributes:
        default: What it is when it is left out; ``inspect.Parameter.empty`` if it must be given.
    """

    name: str
    adapter: TypeAdapter[Any]
    decode: Decoder
    default: object

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class ContractFunction:
    """One decorated method of a contract class.

    Attributes:
        returns: The declared result type; None stands for functions that return nothing.
    """

    name: str
    kind: FunctionKind
    parameters: tuple[Parameter, ...]
    returns: TypeAdapter[Any]
    encode_result: Encoder
    call: Callable[..., object]

    @property
    def read_only(self) -> bool:
        """Whether the function may not write."""
        return self.kind is FunctionKind.QUERY

    def decode(self, arguments: Sequence[bytes]) -> list[object]:
        """Return the values of the arguments; parameters with a default may be left out at the end.

        Raises:
            Refusal: INVALID_ARGUMENT, naming the first parameter at fault.
        """
        given = len(arguments)
        if given > len(self.parameters):
            raise invalid_argument(self.name, f"takes {self._signature()}, got {given} arguments")
        values: list[object] = []
        for parameter, data in zip(self.parameters, arguments, strict=False):
            try:
                values.append(parameter.decode(data))
            except ValidationError as error:
                raise invalid_argument(*_first_problem(parameter, data, error)) from error
            except UnicodeDecodeError as error:
                raise invalid_argument(parameter.name, "is not UTF-8 text") from error
        for parameter in self.parameters[given:]:
            if parameter.required:
                raise invalid_argument(
                    parameter.name, f"is missing; {self.name} takes {self._signature()}"
                )
        return values

    def _signature(self) -> str:
        return "(" + ", ".join(parameter.name for parameter in self.parameters) + ")"


class Contract:
    """Base of all contracts.

    A subclass sets ``name``, perhaps ``version``, and decorates methods ``(self, ctx: Context, …)
    -> …`` with ``@transaction`` or ``@query``. Instances keep no state between calls: everything
    lives in ``ctx.state``.

    Raises:
        ContractDefinitionError: When the subclass is created, if one of its functions cannot be
            served.
    """

    name: ClassVar[str] = ""
    version: ClassVar[str] = "1"
    functions: ClassVar[Mapping[str, ContractFunction]] = MappingProxyType({})

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        inherited = _inherited(cls)
        cls.functions = MappingProxyType(
            {
                name: inherited.get((name, getattr(cls, name))) or _prepare(cls, name, kind)
                for name, kind in _decorated(cls)
            }
        )


def invalid_argument(name: str, problem: str) -> Refusal:
    """Return the refusal of an argument, or of their number if ``name`` is a function."""
    return Refusal("INVALID_ARGUMENT", f"{name}: {problem}", BAD_REQUEST)


def _first_problem(parameter: Parameter, data: bytes, error: ValidationError) -> tuple[str, str]:
    """Return the place and the nature of the first fault in an argument."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid" and not first["loc"]:
        reason = first["msg"].removeprefix("Invalid JSON: ")
        wanted = json_kind(parameter.adapter)
        return parameter.name, f"is to be {wanted}, which {_beginning(data)} is not: {reason}"
    return ".".join((parameter.name, *map(str, first["loc"]))), first["msg"]


def _beginning(data: bytes) -> str:
    """Return an argument as a message shows it: ASCII, as Pythons differ over the printable."""
    text = ascii(data[:_MOST_SHOWN].decode(errors="replace"))
    return f"{text}…" if len(data) > _MOST_SHOWN else text


def _decorated(cls: type[Contract]) -> Iterator[tuple[str, FunctionKind]]:
    """Yield the decorated methods, base classes first, in the order of their definition."""
    names = {name: None for base in reversed(cls.__mro__) for name in vars(base)}
    for name in names:
        kind = kind_of(getattr(cls, name))
        if kind is not None:
            yield name, kind


def _inherited(cls: type[Contract]) -> dict[tuple[str, Callable[..., object]], ContractFunction]:
    """Return what the base classes have prepared, by name and method."""
    return {
        (name, function.call): function
        for base in cls.__bases__
        if issubclass(base, Contract)
        for name, function in base.functions.items()
    }


def _prepare(cls: type[Contract], name: str, kind: FunctionKind) -> ContractFunction:
    function = getattr(cls, name)
    where = f"{cls.__qualname__}.{name}"
    if inspect.iscoroutinefunction(function) or _yields(function):
        raise ContractDefinitionError(f"{where} must be a plain function, without await and yield")
    hints = _type_hints(where, function)
    parameters = list(inspect.signature(function).parameters.values())[1:]  # without self
    if not parameters or hints.get(parameters[0].name) is not Context:
        raise ContractDefinitionError(f"{where} needs the parameters `(self, ctx: Context, …)`")
    if "return" not in hints:
        raise ContractDefinitionError(f"{where} does not declare what it returns")
    returns = _adapter(where, "return", hints["return"])
    return ContractFunction(
        name=name,
        kind=kind,
        parameters=tuple(_parameter(where, each, hints) for each in parameters[1:]),
        returns=returns,
        encode_result=_result_encoder(name, hints["return"], returns),
        call=function,
    )


def _result_encoder(function: str, declared: object, adapter: TypeAdapter[Any]) -> Encoder:
    """Return the function that writes a result; it raises WrongResultError for another type."""
    encode = encoder(adapter)
    shown = _type_name(declared)

    def write(result: object) -> bytes:
        try:
            return encode(result)
        except (PydanticSerializationError, ValidationError) as error:
            raise WrongResultError(function, shown, _type_name(type(result))) from error

    return write


def _type_name(hint: object) -> str:
    """Return a type as its author writes it, without what ``Annotated`` adds."""
    if typing.get_origin(hint) is typing.Annotated:
        return _type_name(typing.get_args(hint)[0])
    if hint is None or hint is type(None):
        return "None"
    return hint.__name__ if isinstance(hint, type) else repr(hint).replace("typing.", "")


def _yields(function: Callable[..., object]) -> bool:
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)


def _parameter(where: str, parameter: inspect.Parameter, hints: Mapping[str, Any]) -> Parameter:
    if parameter.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
        raise ContractDefinitionError(
            f"{where}: parameter {parameter} cannot be passed by position; arguments are positional"
        )
    if parameter.name not in hints:
        raise ContractDefinitionError(f"{where}: parameter {parameter.name} has no type")
    adapter = _adapter(where, parameter.name, hints[parameter.name])
    return Parameter(parameter.name, adapter, decoder(adapter), parameter.default)


def _type_hints(where: str, function: Callable[..., object]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise ContractDefinitionError(
            f"{where}: {error}; types must be defined above the contract and imported at run time"
        ) from error


def _adapter(where: str, name: str, hint: Any) -> TypeAdapter[Any]:  # noqa: ANN401 -- a type
    try:
        return TypeAdapter(hint)
    except PydanticUserError as error:
        raise ContractDefinitionError(f"{where}: {name}: {error.message}") from error
