"""When a chaincode may be called as init (wire.md §9.2, §10)."""

from dataclasses import replace

from tests.scenarios.outcome import Outcome, State
from tests.unit.endorsement.conftest import World

from tallystick.node.ledger.rwset import parse_results
from tallystick.node.runtime.initialization import (
    INITIALIZED_KEY,
    InitializationError,
    check_initialization,
)
from tallystick.node.runtime.lifecycle import ResolvedChaincode

TOKEN = ResolvedChaincode(
    name="token",
    sequence=1,
    version="1.0",
    package_id="token_1:00",
    init_required=True,
    endorsement_plugin="escc",
    validation_parameter=b"",
    collections=None,
)


async def test_a_chaincode_without_initialisation_leaves_no_trace(
    outcome: Outcome, world: World
) -> None:
    simulator = world.one.ledger.simulator("tx")
    token = replace(TOKEN, init_required=False)
    check_initialization(simulator, token, is_init=False)
    with outcome.refuses(
        InitializationError,
        leaves=State("the ledger is as it was", lambda: world.one.ledger.height),
        match=r"^chaincode 'token' does not require initialization but called as init$",
    ):
        check_initialization(simulator, token, is_init=True)
    assert simulator.done().public == b""
    outcome.keep("a chaincode without an initialisation is initialised")


async def test_calls_before_init_are_refused_and_so_is_a_second_init(world: World) -> None:
    await world.define(init_required=True)
    early = await world.one.endorser.process(world.call(b"put"))
    assert early.response.message.endswith(
        "chaincode 'token' has not been initialized for this version, must call as init first"
    )
    await world.submit(world.call(b"init", is_init=True), world.one)
    good = await world.one.endorser.process(world.call(b"put"))
    assert good.response.status == 200
    again = await world.one.endorser.process(world.call(b"init", is_init=True))
    assert again.response.message.endswith(
        "chaincode 'token' is already initialized but called as init"
    )


async def test_init_reads_and_writes_the_marker_in_the_namespace_of_the_chaincode(
    world: World,
) -> None:
    simulator = world.one.ledger.simulator("tx")
    check_initialization(simulator, TOKEN, is_init=True)
    (namespace,) = parse_results(simulator.done().public).namespaces
    assert namespace.namespace == "token"
    assert [read.key for read in namespace.reads] == [INITIALIZED_KEY]
    assert [(write.key, write.value) for write in namespace.writes] == [(INITIALIZED_KEY, b"1.0")]


async def test_a_new_version_must_be_initialised_anew(outcome: Outcome, world: World) -> None:
    await world.define(init_required=True)
    await world.submit(world.call(b"init", is_init=True), world.one)
    upgraded = replace(TOKEN, version="2.0")
    simulator = world.one.ledger.simulator("tx")
    with outcome.refuses(
        InitializationError,
        leaves=State("the ledger is as it was", lambda: world.one.ledger.height),
        match="must call as init first",
    ):
        check_initialization(simulator, upgraded, is_init=False)
    check_initialization(simulator, upgraded, is_init=True)
    outcome.keep("a chaincode is called before its initialisation")
