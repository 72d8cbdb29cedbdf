"""Contract classes that cannot be served are refused when they are created."""

from collections.abc import Callable, Iterator

import pytest

from tallystick.chaincode import Context, Contract, ContractChaincode, query, transaction
from tallystick.chaincode.errors import ContractDefinitionError


def nothing() -> None: ...
def no_self(ctx: Context, key: str) -> None: ...
def no_context(self: Contract) -> None: ...
def no_result(self: Contract, ctx: Context): ...  # type: ignore[no-untyped-def]  # noqa: ANN201
def no_type(self: Contract, ctx: Context, key) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001
def star(self: Contract, ctx: Context, *keys: str) -> None: ...
def keyword(self: Contract, ctx: Context, *, key: str) -> None: ...
def unknown(self: Contract, ctx: Context, key: "LaterDefined") -> None: ...  # type: ignore[name-defined]  # noqa: F821
async def waiting(self: Contract, ctx: Context) -> None: ...
def yielding(self: Contract, ctx: Context) -> Iterator[int]:
    yield len(ctx.state.composite_key(self.name))


def unserialisable(self: Contract, ctx: Context, key: ContractChaincode) -> None: ...


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        pytest.param(nothing, r"needs the parameters `\(self, ctx: Context, …", id="nothing"),
        pytest.param(no_self, r"needs the parameters `\(self, ctx: Context, …", id="no self"),
        pytest.param(no_context, r"needs the parameters `\(self, ctx: Context, …", id="no context"),
        pytest.param(no_result, "does not declare what it returns", id="no result type"),
        pytest.param(no_type, "parameter key has no type", id="no parameter type"),
        pytest.param(star, r"\*keys: str cannot be passed by position", id="star"),
        pytest.param(keyword, "key: str cannot be passed by position", id="keyword-only"),
        pytest.param(unknown, "LaterDefined.* types must be defined above", id="unknown type"),
        pytest.param(waiting, "must be a plain function", id="async"),
        pytest.param(yielding, "must be a plain function", id="generator"),
        pytest.param(unserialisable, "key: Unable to generate", id="no schema"),
    ],
)
def test_a_function_that_cannot_be_served_is_named(
    function: Callable[..., object], problem: str
) -> None:
    with pytest.raises(ContractDefinitionError, match=rf"^Broken\.call.*{problem}"):
        type("Broken", (Contract,), {"name": "broken", "call": transaction(function)})


def test_undecorated_methods_cannot_be_called() -> None:
    class Quiet(Contract):
        name = "quiet"

        def internal(self) -> None: ...

    assert Quiet.functions == {}


def test_functions_are_inherited_and_can_be_overridden() -> None:
    class Base(Contract):
        @query
        def first(self, ctx: Context) -> int: ...  # type: ignore[empty-body]

        @query
        def second(self, ctx: Context) -> int: ...  # type: ignore[empty-body]

    class Derived(Base):
        name = "derived"

        @query
        def second(self, ctx: Context, more: str = "") -> int: ...  # type: ignore[empty-body]

    assert list(Derived.functions) == ["first", "second"]
    assert [parameter.name for parameter in Derived.functions["second"].parameters] == ["more"]
    assert Derived.functions["first"] is Base.functions["first"]  # prepared once


def test_one_method_under_two_names_is_two_functions() -> None:
    class Base(Contract):
        @query
        def first(self, ctx: Context) -> int: ...  # type: ignore[empty-body]

    class Derived(Base):
        name = "derived"
        second = Base.first

    assert [function.name for function in Derived.functions.values()] == ["first", "second"]


class Named(Contract):
    name = "same"

    @query
    def read(self, ctx: Context) -> None: ...


class Unmarked(Contract):
    name = "unmarked"

    def read(self, ctx: Context) -> None: ...


class Unnamed(Contract):
    @query
    def read(self, ctx: Context) -> None: ...


@pytest.mark.parametrize(
    ("contracts", "problem"),
    [
        pytest.param((), "at least one contract", id="none"),
        pytest.param((Unnamed(),), "Unnamed needs a name", id="without a name"),
        pytest.param(
            (Unmarked(),),
            "Unmarked has no functions: mark methods with @transaction or @query",
            id="without a function",
        ),
        pytest.param((Named(), Named()), "two contracts are named 'same'", id="name used twice"),
    ],
)
def test_a_chaincode_that_cannot_be_served(contracts: tuple[Contract, ...], problem: str) -> None:
    with pytest.raises(ContractDefinitionError, match=problem):
        ContractChaincode(*contracts)


@pytest.mark.parametrize("decorate", [transaction, query], ids=["transaction", "query"])
def test_a_decorator_with_parentheses_is_refused_with_how_to_write_it(
    decorate: Callable[..., object],
) -> None:
    name = getattr(decorate, "__name__", "")
    with pytest.raises(ContractDefinitionError, match=rf"^@{name} takes no parentheses"):
        decorate()
    with pytest.raises(ContractDefinitionError, match=rf"^@{name} takes no parentheses"):
        decorate("name")
