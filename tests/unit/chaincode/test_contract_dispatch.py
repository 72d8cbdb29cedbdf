"""From an invocation to a contract function, and back to a response."""

import logging
from typing import Annotated

import pytest
from pydantic import BaseModel, Field

from tallystick.chaincode import Context, Contract, ContractChaincode, Refusal, query, transaction
from tallystick.chaincode.testing import MemoryStub, make_client
from tallystick.protos.peer.proposal_response_pb2 import Response

ALICE = make_client("BrokerMSP", "alice")


class Leg(BaseModel):
    quantity: Annotated[int, Field(gt=0)]


class TokenContract(Contract):
    name = "token"

    @transaction
    def transfer(self, ctx: Context, security: str, to: str, quantity: int) -> str:
        ctx.state.put(security, to.encode())
        return f"{quantity} {security} to {to}"

    @transaction
    def deliver(self, _ctx: Context, leg: Leg, memo: str = "none") -> Leg:
        assert memo
        return leg

    @transaction
    def burn(self, ctx: Context) -> None:
        ctx.state.put("burnt", b"1")

    @transaction
    def fail(self, ctx: Context) -> None:
        ctx.state.put("k", b"1")
        raise KeyError("missing")

    @transaction
    def refuse(self, ctx: Context) -> None:
        ctx.state.put("k", b"1")
        raise Refusal("FROZEN", "account a1 is frozen; ask its agent", 409, account="a1")

    @transaction
    def misbehave(self, ctx: Context, how: str) -> str:
        ctx.state.put("k", b"1")
        match how:
            case "exit":
                raise SystemExit(3)
            case "refuse in surrogates":
                raise Refusal("X", "\ud800")
            case "read at a surrogate":
                ctx.state.get("\ud800")
            case "refuse with a ring":
                ring: list[object] = []
                ring.append(ring)
                raise Refusal("X", "ring", ring=ring)
            case "write text":
                ctx.state.put("k", "text")  # type: ignore[arg-type]
            case _:
                pass
        return 5  # type: ignore[return-value]

    @query
    def sneak(self, ctx: Context) -> None:
        ctx.state.put("k", b"1")

    @query
    def raw(self, ctx: Context) -> bytes:
        return ctx.state.get("k") or b"\x00"


class CashContract(Contract):
    name = "cash"

    @query
    def currency(self, _ctx: Context) -> str:
        return "USD"

    def audit(self) -> None: ...


CHAINCODE = ContractChaincode(TokenContract(), CashContract())


def call(*args: bytes) -> tuple[Response, MemoryStub]:
    stub = MemoryStub.alone(ALICE, *args)
    return CHAINCODE.invoke(stub), stub


@pytest.mark.parametrize(
    ("args", "payload"),
    [
        pytest.param((b"transfer", b"ACME", b"bob", b"5"), b"5 ACME to bob", id="by name"),
        pytest.param((b"token:transfer", b"A", b"b", b"1"), b"1 A to b", id="by contract and name"),
        pytest.param((b"deliver", b'{"quantity":3}'), b'{"quantity":3}', id="a default left out"),
        pytest.param((b"burn",), b"", id="no result"),
        pytest.param((b"raw",), b"\x00", id="bytes"),
        pytest.param((b"cash:currency",), b"USD", id="of the second contract"),
    ],
)
def test_a_call_that_succeeds(args: tuple[bytes, ...], payload: bytes) -> None:
    assert call(*args)[0] == Response(status=200, payload=payload)


@pytest.mark.parametrize(
    ("args", "status", "message"),
    [
        pytest.param(
            (b"transfer", b"A", b"b", b"five"),
            400,
            "INVALID_ARGUMENT: quantity: is to be JSON (an integer), which 'five' is not: "
            "expected ident at line 1 column 2",
            id="not JSON",
        ),
        pytest.param(
            (b"deliver", b"{" + "ü".encode() * 100_000),
            400,
            r"INVALID_ARGUMENT: leg: is to be JSON (an object), which '{"
            + r"\xfc" * 19
            + r"\ufffd'…"
            " is not: key must be a string at line 1 column 2",
            id="much that is not JSON",
        ),
        pytest.param(
            (b"deliver", b'{"quantity":0}'),
            400,
            "INVALID_ARGUMENT: leg.quantity: Input should be greater than 0",
            id="a field of a model",
        ),
        pytest.param(
            (b"transfer", b"\xff", b"b", b"5"),
            400,
            "INVALID_ARGUMENT: security: is not UTF-8 text",
            id="not UTF-8",
        ),
        pytest.param(
            (b"transfer", b"A", b"b"),
            400,
            "INVALID_ARGUMENT: quantity: is missing; transfer takes (security, to, quantity)",
            id="too few",
        ),
        pytest.param(
            (b"burn", b"x"),
            400,
            "INVALID_ARGUMENT: burn: takes (), got 1 arguments",
            id="too many",
        ),
        pytest.param(
            (b"currency",),
            404,
            "UNKNOWN_FUNCTION: no function 'currency'; there are cash:currency, token:burn, "
            "token:deliver, token:fail, token:misbehave, token:raw, token:refuse, token:sneak, "
            "token:transfer",
            id="an unqualified name is of the first contract",
        ),
        pytest.param(
            (b"cash:audit",),
            404,
            "UNKNOWN_FUNCTION: no function 'cash:audit'; a method of that name lacks @transaction "
            "or @query; there are cash:currency, ",
            id="a method that nobody marked",
        ),
        pytest.param(
            (b"audit",),
            404,
            "UNKNOWN_FUNCTION: no function 'audit'; there are cash:currency, ",
            id="a method that nobody marked, of another contract",
        ),
        pytest.param((), 404, "UNKNOWN_FUNCTION: no function ''; there", id="no arguments at all"),
        pytest.param(
            (b"sneak",), 500, "WRITE_IN_QUERY: put('k') inside a @query", id="a query that writes"
        ),
        pytest.param(
            (b"refuse",), 409, "FROZEN: account a1 is frozen; ask its agent", id="a refusal"
        ),
    ],
)
def test_a_call_that_is_refused(args: tuple[bytes, ...], status: int, message: str) -> None:
    response, stub = call(*args)
    assert (response.status, response.message[: len(message)]) == (status, message)
    assert stub.writes.values == {}


def test_of_many_functions_those_are_named_that_may_have_been_meant() -> None:
    @transaction
    def function(_self: Contract, _ctx: Context) -> None: ...

    names = ["balance_of", *(f"function_{number}" for number in range(20))]
    many = type("Many", (Contract,), {"name": "many", **dict.fromkeys(names, function)})
    near = "`tally chaincode describe` lists the 21 that there are; did you mean balance_of?"
    assert unknown(many(), "balance") == f"no function 'balance'; {near}"
    far = "`tally chaincode describe` lists the 21 that there are"
    assert unknown(many(), "x" * 100_000).endswith(f"; {far}")


def test_functions_are_listed_as_clients_call_them() -> None:
    assert CHAINCODE.functions[:2] == ("transfer", "deliver")
    assert CHAINCODE.functions[-1] == "cash:currency"


def unknown(contract: Contract, function: str) -> str:
    response = ContractChaincode(contract).invoke(MemoryStub.alone(ALICE, function.encode()))
    assert response.status == 404
    return response.message.removeprefix("UNKNOWN_FUNCTION: ")


def test_the_facts_of_a_refusal_travel_in_the_payload() -> None:
    assert call(b"refuse")[0].payload == b'{"account":"a1"}'


def test_an_unexpected_exception_names_its_type_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        response, stub = call(b"fail")
    assert response.status == 500
    assert response.message == (
        "INTERNAL: fail failed with KeyError: 'missing'; the traceback is in the log of the peer"
        " that ran it (`tally cluster logs NODE`), or in that of the chaincode where it runs as a"
        " service"
    )
    assert stub.writes.values == {}
    assert caplog.records[0].exc_info is not None


@pytest.mark.parametrize("status", [200, 399, 600])
def test_a_refusal_cannot_have_the_status_of_a_success(status: int) -> None:
    with pytest.raises(ValueError, match="outside 400 to 599"):
        Refusal("CODE", "message", status)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        pytest.param("exit", "INTERNAL: misbehave failed with SystemExit: 3", id="exit"),
        pytest.param("refuse in surrogates", "X: \\ud800", id="a message that UTF-8 cannot hold"),
        pytest.param("read at a surrogate", "INVALID_KEY: key '\\ud800'", id="a key likewise"),
        pytest.param("refuse with a ring", "X: ring", id="facts that JSON cannot hold"),
        pytest.param(
            "write text",
            "INTERNAL: misbehave failed with TypeError: the value at key 'k' is str, not bytes",
            id="a value that is not bytes",
        ),
        pytest.param(
            "return",
            "INTERNAL: misbehave declares str and returned int; the traceback is",
            id="a result of another type",
        ),
    ],
)
def test_whatever_a_contract_does_is_a_response(how: str, message: str) -> None:
    response, stub = call(b"misbehave", how.encode())
    assert response.status >= 400
    assert response.message[: len(message)] == message
    assert stub.writes.values == {}


@pytest.mark.parametrize(
    ("declared", "returned", "told"),
    [
        pytest.param(int, "secret", "int and returned str;", id="text for a number"),
        pytest.param(int, None, "int and returned None;", id="nothing for a number"),
        pytest.param(str, 5, "str and returned int;", id="a number for text"),
        pytest.param(None, "secret", "None and returned str;", id="something for nothing"),
        pytest.param(Leg, "secret", "Leg and returned str;", id="text for a model"),
        pytest.param(int | None, "secret", "int | None and returned str;", id="a union"),
        pytest.param(Annotated[int, Field(gt=0)], "secret", "int and returned str;", id="bounds"),
        pytest.param(
            list[int],
            ["secret"],
            "list[int] and returned list with something else inside;",
            id="an item of a list",
        ),
    ],
)
def test_a_result_of_another_type_is_told_by_types_without_its_value(
    declared: object, returned: object, told: str
) -> None:
    def ret(_self: Contract, _ctx: Context) -> object:
        return returned

    ret.__annotations__["return"] = declared
    contract = type("Wrong", (Contract,), {"name": "wrong", "ret": query(ret)})
    response = ContractChaincode(contract()).invoke(MemoryStub.alone(ALICE, b"ret"))
    assert response.status == 500
    assert response.message.startswith(f"INTERNAL: ret declares {told} the traceback is in the log")
    assert "secret" not in response.message
