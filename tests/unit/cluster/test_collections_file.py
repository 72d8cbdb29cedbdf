"""Collections in the form of Fabric's collections_config.json."""

from pathlib import Path

import pytest
from tests.scenarios.outcome import Outcome, files

from tallystick.node.cluster.collections import CollectionsFileError, load_collections
from tallystick.node.policies.parser import parse_policy

OWN_RULE = "OR('OneMSP.peer')"
FULL = """[{
    "name": "prices", "policy": "OR('OneMSP.member', 'TwoMSP.member')",
    "requiredPeerCount": 1, "maxPeerCount": 2, "blockToLive": 100,
    "memberOnlyRead": true, "memberOnlyWrite": true,
    "endorsementPolicy": {"signaturePolicy": "OR('OneMSP.peer')"}
}]"""


def written(directory: Path, content: str) -> Path:
    path = directory / "collections.json"
    path.write_text(content)
    return path


def test_all_that_a_collection_may_say_is_read(tmp_path: Path) -> None:
    (entry,) = load_collections(written(tmp_path, FULL)).config
    config = entry.static_collection_config
    assert config.name == "prices"
    members = parse_policy("OR('OneMSP.member', 'TwoMSP.member')")
    assert config.member_orgs_policy.signature_policy == members
    assert (config.required_peer_count, config.maximum_peer_count) == (1, 2)
    assert config.block_to_live == 100
    assert config.member_only_read
    assert config.member_only_write
    assert config.endorsement_policy.signature_policy == parse_policy(OWN_RULE)


def test_an_endorsement_policy_may_be_one_of_the_channel(tmp_path: Path) -> None:
    path = "/Channel/Application/Endorsement"
    content = FULL.replace(
        '"signaturePolicy": "OR(\'OneMSP.peer\')"', f'"channelConfigPolicy": "{path}"'
    )
    (entry,) = load_collections(written(tmp_path, content)).config
    policy = entry.static_collection_config.endorsement_policy
    assert policy.channel_config_policy_reference == path


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("no JSON", "Invalid JSON"),
        ('[{"name": "c"}]', "0.policy: Field required"),
        (FULL.replace("blockToLive", "blocksToLive"), "blocksToLive: Extra inputs"),
        (FULL.replace("OR('OneMSP.member'", "XOR('OneMSP.member'"), "XOR"),
        (
            FULL.replace("signaturePolicy", "channelConfigPolicy").replace("OR('OneMSP.peer')", ""),
            "either",
        ),
    ],
    ids=["no JSON", "no policy", "misspelt", "no rule", "empty endorsement policy"],
)
def test_a_file_of_collections_with_a_mistake_is_refused(
    outcome: Outcome, tmp_path: Path, content: str, problem: str
) -> None:
    path = written(tmp_path, content)
    with outcome.refuses(CollectionsFileError, leaves=files(tmp_path), match=problem):
        load_collections(path)
