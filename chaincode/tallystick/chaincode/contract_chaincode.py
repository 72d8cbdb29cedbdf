"""Contracts as a chaincode: from an invocation to a contract function and back to a response."""

import inspect
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

from pydantic_core import PydanticSerializationError, to_json

from tallystick.chaincode.context import Context
from tallystick.chaincode.contract import Contract, ContractFunction
from tallystick.chaincode.errors import (
    INTERNAL,
    NOT_FOUND,
    ContractDefinitionError,
    Refusal,
    WrongResultError,
)
from tallystick.chaincode.metadata import METADATA_FUNCTION, metadata_document
from tallystick.chaincode.stub import ChaincodeStub
from tallystick.protos.peer.proposal_response_pb2 import Response

OK = 200
_MOST_LISTED = 20
"""So many functions are listed to whom calls one that there is not."""
_LONGEST_NAME = 64
"""Of a name from outside so much is compared with those that there are, which takes its square."""
_TRACEBACK = (
    "; the traceback is in the log of the peer that ran it (`tally cluster logs NODE`),"
    " or in that of the chaincode where it runs as a service"
)
"""Where to look. Tracebacks differ between endorsers, and are not for clients."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Target:
    contract: Contract
    function: ContractFunction


class ContractChaincode:
    """Serves one or more contracts.

    The first argument of an invocation names the function: ``token:transfer``, or ``transfer`` for
    the first contract. The others are the function's arguments, one per parameter.

    A call that is refused, or fails, answers a status of 400 or more and leaves neither writes nor
    events.
    """

    def __init__(self, *contracts: Contract) -> None:
        if not contracts:
            raise ContractDefinitionError("a chaincode needs at least one contract")
        self._contracts = contracts
        self._targets: dict[bytes, _Target] = {}
        for contract in contracts:
            self._add(contract)
        if not self._targets:
            names = ", ".join(type(each).__qualname__ for each in contracts)
            raise ContractDefinitionError(
                f"{names} has no functions: mark methods with @transaction or @query"
            )

    def invoke(self, stub: ChaincodeStub) -> Response:
        """Run the function that the arguments name and return its response."""
        try:
            return self._run(stub)
        except Refusal as refusal:
            return _refused(refusal)
        except KeyboardInterrupt:
            raise  # the operator's wish, not the contract's
        except BaseException as error:  # noqa: BLE001 -- not even SystemExit may stop the peer
            function = _printable(stub.args)
            _log.exception("contract function failed", extra={"function": function})
            fault = f"{function} failed with {type(error).__name__}: {error}"
            told = str(error) if isinstance(error, WrongResultError) else fault
            message = f"INTERNAL: {told}{_TRACEBACK}"
            return Response(status=INTERNAL, message=_encodable(message))

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions as clients call them, in the order of their definition."""
        first, *others = self._contracts
        named = (f"{each.name}:{function}" for each in others for function in each.functions)
        return (*first.functions, *named)

    @cached_property
    def metadata(self) -> bytes:
        """The document that describes the contracts, as JSON."""
        return to_json(metadata_document(self._contracts))

    def _run(self, stub: ChaincodeStub) -> Response:
        args = stub.args
        target = self._targets.get(args[0]) if args else None
        if target is None:
            if args and args[0] == METADATA_FUNCTION:
                return Response(status=OK, payload=self.metadata)
            raise self._unknown(args)
        function = target.function
        arguments = function.decode(args[1:])
        context = Context(stub, read_only=function.read_only)
        result = function.call(target.contract, context, *arguments)
        response = Response(status=OK, payload=function.encode_result(result))
        context.finish()
        return response

    def _add(self, contract: Contract) -> None:
        if not contract.name or ":" in contract.name:
            raise ContractDefinitionError(
                f"{type(contract).__qualname__} needs a name without colon, has {contract.name!r}"
            )
        for name, function in contract.functions.items():
            target = _Target(contract, function)
            qualified = f"{contract.name}:{name}".encode()
            if qualified in self._targets:
                raise ContractDefinitionError(f"two contracts are named {contract.name!r}")
            self._targets[qualified] = target
            if contract is self._contracts[0]:
                self._targets[name.encode()] = target

    def _unknown(self, args: Sequence[bytes]) -> Refusal:
        wanted = _printable(args)
        known = sorted(name.decode() for name in self._targets if b":" in name)
        told = f"there are {', '.join(known)}"
        if len(known) > _MOST_LISTED:
            told = f"`tally chaincode describe` lists the {len(known)} that there are"
            near = get_close_matches(
                wanted[:_LONGEST_NAME], [name.partition(":")[2] for name in known]
            )
            told += f"; did you mean {' or '.join(near)}?" if near else ""
        if self._has_unmarked(wanted):
            told = f"a method of that name lacks @transaction or @query; {told}"
        return Refusal("UNKNOWN_FUNCTION", f"no function {wanted!r}; {told}", NOT_FOUND)

    def _has_unmarked(self, wanted: str) -> bool:
        """Whether a contract has a method of that name, which clients may be meant to call."""
        of, _, name = wanted.rpartition(":")
        return not name.startswith("_") and any(
            inspect.isfunction(vars(base).get(name))
            for contract in self._contracts
            if contract.name == (of or self._contracts[0].name)
            for base in type(contract).__mro__
        )


def _refused(refusal: Refusal) -> Response:
    facts = _encoded(refusal.facts) if refusal.facts else b""
    return Response(status=refusal.status, message=_encodable(str(refusal)), payload=facts)


def _encoded(facts: Mapping[str, object]) -> bytes:
    try:
        return to_json(dict(facts), fallback=str)
    except PydanticSerializationError:  # a lone surrogate, or a value that contains itself
        return to_json({name: ascii(fact) for name, fact in facts.items()})


def _encodable(text: str) -> str:
    """Return a text that fits into a message: lone surrogates are written as escapes."""
    return text.encode(errors="backslashreplace").decode()


def _printable(args: Sequence[bytes]) -> str:
    return args[0].decode(errors="replace") if args else ""
