"""Who may call what: participants are organisations of the channel, known by their MSP.

A function that only some participants may submit says so above its definition, and so does one that
only another contract may call. Where neither is said, any member of the channel may submit the
call, and what gives it authority is somebody's signature or mandate.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from tallystick.chaincode import Context
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.reasons import Reason

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")

Function = Callable[Concatenate[S, Context, P], R]


class Participant(StrEnum):
    """The licensed organisations and the MSP by which the channel knows each."""

    ATS = "ATSMSP"
    CLEARING = "ClearingMSP"
    TRANSFER_AGENT = "TransferAgentMSP"
    BROKER_DEALER = "BrokerDealerMSP"
    BANK = "BankMSP"
    ISSUER = "IssuerMSP"
    REGULATOR = "RegulatorMSP"


def only(*participants: Participant) -> Callable[[Function[S, P, R]], Function[S, P, R]]:
    """Refuse everybody else's call of the decorated function with PARTICIPANT_NOT_PERMITTED."""
    permitted = frozenset(map(str, participants))

    def decorate(function: Function[S, P, R]) -> Function[S, P, R]:
        @wraps(function)
        def guarded(self: S, ctx: Context, /, *args: P.args, **kwargs: P.kwargs) -> R:
            if ctx.client.msp_id not in permitted:
                raise Reason.PARTICIPANT_NOT_PERMITTED.refusal(
                    participant=ctx.client.msp_id,
                    function=function.__name__,
                    permitted=" or ".join(sorted(permitted)),
                )
            return function(self, ctx, *args, **kwargs)

        return guarded

    return decorate


def only_through(chaincode: Chaincode) -> Callable[[Function[S, P, R]], Function[S, P, R]]:
    """Refuse the decorated function to clients: ``chaincode`` calls it on their behalf.

    A proposal names the chaincode it enters by, so a client cannot pretend; and that chaincode has
    judged the request by the time it calls.
    """

    def decorate(function: Function[S, P, R]) -> Function[S, P, R]:
        @wraps(function)
        def guarded(self: S, ctx: Context, /, *args: P.args, **kwargs: P.kwargs) -> R:
            if ctx.entry_chaincode != chaincode:
                raise Reason.CALLER_NOT_PERMITTED.refusal(
                    function=function.__name__, permitted=chaincode, caller=ctx.entry_chaincode
                )
            return function(self, ctx, *args, **kwargs)

        return guarded

    return decorate
