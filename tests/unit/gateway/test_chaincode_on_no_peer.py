"""What clients are told when the chaincode is defined, and no peer can run it (wire.md §5.3)."""

from collections.abc import Awaitable, Callable

import grpc
import pytest
from tests.unit.gateway.conftest import (
    CHAINCODE,
    SECRET,
    Setting,
    endorsement,
    refusal,
    signed_proposal,
)

from tallystick.node.gateway.collector import NO_COMBINATION, NO_LOCAL_ENDORSER
from tallystick.node.gateway.errors import GatewayError

FAILED_PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE

NOT_HERE = refusal(500, f"make sure the chaincode {CHAINCODE} has been successfully defined")
NO_PEERS_AT_ALL = NO_COMBINATION.format(reason="")
NO_OWN_PEERS = NO_LOCAL_ENDORSER.format(kind="endorsing")


@pytest.mark.parametrize(
    ("call", "code", "text"),
    [
        pytest.param(
            lambda setting: setting.evaluate(),
            FAILED_PRECONDITION,
            f"no peers available to evaluate chaincode {CHAINCODE}",
            id="Evaluate",
        ),
        pytest.param(
            lambda setting: setting.endorse(), FAILED_PRECONDITION, NO_PEERS_AT_ALL, id="Endorse"
        ),
        pytest.param(
            lambda setting: setting.endorse(organizations=("A", "B")),
            UNAVAILABLE,
            "failed to find any endorsing peers for org(s): A, B",
            id="Endorse, with organisations named",
        ),
        pytest.param(
            lambda setting: setting.endorse(signed_proposal(transient=SECRET)),
            FAILED_PRECONDITION,
            NO_OWN_PEERS,
            id="Endorse, with transient data",
        ),
        pytest.param(
            lambda setting: setting.endorse(signed_proposal("nowhere", transient=SECRET)),
            FAILED_PRECONDITION,
            NO_OWN_PEERS,
            id="Endorse, with transient data for a chaincode that is not defined",
        ),
    ],
)
async def test_a_chaincode_on_no_peer(
    setting: Setting,
    call: Callable[[Setting], Awaitable[object]],
    code: grpc.StatusCode,
    text: str,
) -> None:
    for msp_id in "AB":
        setting.add_peer(msp_id, NOT_HERE, local=msp_id == "A")
    with pytest.raises(GatewayError) as caught:
        await call(setting)
    assert caught.value.code is code
    assert caught.value.message.startswith(text)
    assert caught.value.details == ()


async def test_only_the_named_organisations_without_it_are_told(setting: Setting) -> None:
    setting.add_peer("A", endorsement(), local=True)
    setting.add_peer("B", NOT_HERE)
    with pytest.raises(GatewayError, match=r"peers for org\(s\): B$") as caught:
        await setting.endorse(organizations=("A", "B"))
    assert caught.value.code is UNAVAILABLE
