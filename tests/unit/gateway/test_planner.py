"""Which layouts satisfy every policy that a transaction touched (wire.md §5.2, §12, §14)."""

import pytest
from tests.unit.gateway.conftest import CHAINCODE, Setting, touched

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.gateway.planner import Planner
from tallystick.node.policies.parser import parse_policy
from tallystick.protos.common.configtx_pb2 import Config
from tallystick.protos.peer.proposal_response_pb2 import ChaincodeCall, ChaincodeInterest

ALL = {"A", "B", "C", "ClearingMSP"}
KEY_OF_B = parse_policy("OR('B.peer')")


@pytest.fixture
def defined(setting: Setting) -> Setting:
    """Three chaincodes: by rule, by channel policy, and with two collections."""
    definitions = setting.definitions
    definitions.define("AND('A.peer','B.peer')", "token")
    definitions.define("/Channel/Application/Endorsement", "cash")
    definitions.define("OR('A.peer')", "escrow")
    definitions.define_collection("shared", "OR('A.member','B.member')", chaincode="escrow")
    definitions.define_collection(
        "owned", "OR('B.member','C.member')", "OR('C.peer')", chaincode="escrow"
    )
    return setting


def interest(*calls: ChaincodeCall) -> ChaincodeInterest:
    return ChaincodeInterest(chaincodes=calls)


@pytest.mark.parametrize(
    ("touched", "expected"),
    [
        pytest.param(
            interest(ChaincodeCall(name="token")), [{"A": 1, "B": 1}], id="a rule of its own"
        ),
        pytest.param(
            interest(ChaincodeCall(name="cash")),
            [{"ClearingMSP": 1}],
            id="a policy of the channel",
        ),
        pytest.param(
            interest(ChaincodeCall(name="_lifecycle")),
            [{"ClearingMSP": 1}],
            id="the lifecycle has a policy of the channel (§12)",
        ),
        pytest.param(
            interest(ChaincodeCall(name="nowhere")), [], id="what is not defined satisfies nobody"
        ),
        pytest.param(
            interest(ChaincodeCall(name="token"), ChaincodeCall(name="escrow")),
            [{"A": 1, "B": 1}],
            id="two chaincodes share endorsers",
        ),
        pytest.param(
            interest(ChaincodeCall(name="token"), ChaincodeCall(name="cash")),
            [{"A": 1, "B": 1, "ClearingMSP": 1}],
            id="two chaincodes with different endorsers need both",
        ),
        pytest.param(
            interest(ChaincodeCall(name="escrow", key_policies=[KEY_OF_B])),
            [{"A": 1, "B": 1}],
            id="a key with a policy of its own adds to the chaincode's",
        ),
        pytest.param(
            interest(
                ChaincodeCall(
                    name="escrow", key_policies=[KEY_OF_B], disregard_namespace_policy=True
                )
            ),
            [{"B": 1}],
            id="keys with policies of their own may replace the chaincode's",
        ),
        pytest.param(
            interest(
                ChaincodeCall(
                    name="escrow",
                    collection_names=["shared"],
                    key_policies=[KEY_OF_B],
                    disregard_namespace_policy=True,
                )
            ),
            [{"B": 1}],
            id="a private key with a policy of its own",
        ),
        pytest.param(
            interest(
                ChaincodeCall(
                    name="escrow", key_policies=[KEY_OF_B], disregard_namespace_policy=True
                ),
                ChaincodeCall(name="cash"),
            ),
            [{"B": 1, "ClearingMSP": 1}],
            id="a key here and a chaincode there add up",
        ),
        pytest.param(
            interest(ChaincodeCall(name="escrow", collection_names=["shared"])),
            [{"A": 1}],
            id="a collection without a policy answers to the chaincode's",
        ),
        pytest.param(
            interest(
                ChaincodeCall(
                    name="escrow", collection_names=["owned"], disregard_namespace_policy=True
                )
            ),
            [{"C": 1}],
            id="a collection with a policy of its own",
        ),
        pytest.param(
            interest(
                ChaincodeCall(
                    name="_lifecycle",
                    collection_names=["_implicit_org_B"],
                    disregard_namespace_policy=True,
                )
            ),
            [{"B": 1}],
            id="the collection of one organisation is endorsed by that one (§12)",
        ),
        pytest.param(
            interest(
                ChaincodeCall(
                    name="_lifecycle",
                    collection_names=["_implicit_org_X"],
                    disregard_namespace_policy=True,
                )
            ),
            [],
            id="unless it has no peer",
        ),
    ],
)
def test_layouts(
    defined: Setting, touched: ChaincodeInterest, expected: list[dict[str, int]]
) -> None:
    assert defined.planner.layouts(touched, ALL) == expected


@pytest.mark.parametrize(
    ("collections", "reads", "transient", "expected"),
    [
        pytest.param([], True, True, {"A", "B", "C"}, id="no collection keeps nobody out"),
        pytest.param(["shared"], False, False, {"A", "B", "C"}, id="anybody may write"),
        pytest.param(["shared"], True, False, {"A", "B"}, id="members alone can read"),
        pytest.param(["shared"], False, True, {"A", "B"}, id="transient data is for members"),
        pytest.param(["shared", "owned"], False, True, {"B"}, id="of all collections"),
        pytest.param(["_implicit_org_C"], False, True, {"C"}, id="an organisation's own"),
        pytest.param(["missing"], True, False, set(), id="nobody belongs to what is not there"),
    ],
)
def test_readers(
    defined: Setting, *, collections: list[str], reads: bool, transient: bool, expected: set[str]
) -> None:
    found = touched(*collections, reads=reads)
    for call in found.chaincodes:
        call.name = "escrow"
    assert defined.planner.readers(found, {"A", "B", "C"}, transient=transient) == expected


def test_a_plan_is_made_anew_when_a_definition_changes(setting: Setting) -> None:
    planner = setting.planner
    call = interest(ChaincodeCall(name=CHAINCODE))
    setting.definitions.define("OR('A.peer')")
    assert planner.layouts(call, ALL) == [{"A": 1}]
    setting.definitions.define("OR('B.peer')")
    assert planner.layouts(call, ALL) == [{"A": 1}], "nothing says that it changed"
    setting.definitions.generation += 1
    assert planner.layouts(call, ALL) == [{"B": 1}]


def without(config: ChannelConfig, policy: str) -> ChannelConfig:
    """Return the next configuration, less one policy of the application group."""
    edited = Config.FromString(config.config.SerializeToString())
    edited.sequence += 1
    del edited.channel_group.groups["Application"].policies[policy]
    return ChannelConfig.from_config(config.channel_id, edited)


def test_a_plan_is_made_anew_when_the_channel_changes(setting: Setting) -> None:
    setting.definitions.define("/Channel/Application/Endorsement")
    planner = Planner(lambda: setting.config, setting.definitions)
    call = interest(ChaincodeCall(name=CHAINCODE))
    assert planner.layouts(call, ALL) == [{"ClearingMSP": 1}]
    setting.config = without(setting.config, "Endorsement")
    assert planner.layouts(call, ALL) == []


def test_without_a_policy_of_the_lifecycle_a_majority_of_the_members_decides(
    setting: Setting,
) -> None:  # §12
    setting.config = without(setting.config, "LifecycleEndorsement")
    call = interest(ChaincodeCall(name="_lifecycle"))
    assert setting.planner.layouts(call, ALL) == [{"ClearingMSP": 1}]
    assert setting.planner.layouts(call, {"A"}) == []


def test_a_plan_depends_on_who_is_there(setting: Setting) -> None:
    planner = setting.planner
    call = interest(ChaincodeCall(name=CHAINCODE))
    assert planner.layouts(call, {"A"}) == [{"A": 1}]
    assert planner.layouts(call, {"B"}) == [{"B": 1}]
