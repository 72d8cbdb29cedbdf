"""What whoever approves or commits a definition is told that it changes."""

import pytest

from tallystick.node.cli.chaincode import NotAgreedError
from tallystick.node.cli.definition_changes import InForce, changes, strangers
from tallystick.node.cluster.administrator import Definition
from tallystick.node.cluster.collections import Collection
from tallystick.protos.peer.collection_pb2 import CollectionConfigPackage

BOTH = "AND('BankMSP.peer', 'IssuerMSP.peer')"
EITHER = "OR('BankMSP.peer', 'IssuerMSP.peer')"
DEFAULT = "/Channel/Application/Endorsement"


def collections(**members: str) -> CollectionConfigPackage:
    declared = (Collection(name=name, policy=policy) for name, policy in members.items())
    return CollectionConfigPackage(config=[each.encoded() for each in declared])


def told(before: Definition, after: Definition) -> list[str]:
    in_force = InForce(
        name=before.name,
        validation_parameter=before.validation_parameter,
        collections=before.collections,
    )
    return list(changes(in_force, after))


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        pytest.param(BOTH, EITHER, f"notes: the rule changes from {BOTH} to {EITHER}", id="other"),
        pytest.param(
            BOTH,
            "",
            f"notes: the rule changes from {BOTH} to {DEFAULT}; to keep it, name it with"
            " --endorsement",
            id="left out",
        ),
    ],
)
def test_a_rule_that_changes_is_told_from_what_to_what(before: str, after: str, line: str) -> None:
    assert told(Definition("notes", "1.0", 1, before), Definition("notes", "2.0", 2, after)) == [
        line
    ]


@pytest.mark.parametrize(
    ("before", "after"), [(BOTH, BOTH), (DEFAULT, ""), (DEFAULT, DEFAULT)], ids=str
)
def test_a_rule_that_stays_is_not_told(before: str, after: str) -> None:
    assert told(Definition("notes", "1.0", 1, before), Definition("notes", "2.0", 2, after)) == []


@pytest.mark.parametrize(
    ("rule", "named"),
    [(BOTH, []), ("AND('BankMSP.peer', 'GoneMSP.peer')", ["GoneMSP"]), (DEFAULT, []), ("", [])],
)
def test_whom_a_rule_names_that_is_not_on_the_channel_is_found(rule: str, named: list[str]) -> None:
    definition = Definition("notes", "1.0", 1, rule)
    assert strangers(definition, {"BankMSP", "IssuerMSP"}) == named


def test_collections_that_change_are_told() -> None:
    one, two = "OR('BankMSP.member')", "OR('BankMSP.member', 'IssuerMSP.member')"
    before = collections(prices=one, terms=one, same=one)
    after = collections(prices=two, same=one, new=one)
    assert told(
        Definition("notes", "1.0", 1, BOTH, before), Definition("notes", "2.0", 2, BOTH, after)
    ) == [
        "notes: collection terms is left out; to keep it, give --collections",
        "notes: collection new is new",
        f"notes: collection prices changes from members {one} to members {two}",
    ]


def test_a_commit_that_fails_says_what_exactly_was_to_be_approved() -> None:
    definition = Definition("notes", "2.0", 2, BOTH, collections(prices="OR('BankMSP.member')"))
    said = str(NotAgreedError(definition, ["BankMSP"], ValueError("no")))
    assert "not approved by BankMSP: let more organisations approve exactly this" in said
    assert "only for the same version, sequence, rule and collections" in said
    assert said.endswith(f"version 2.0, sequence 2, rule {BOTH}, collections prices")
    plain = str(NotAgreedError(Definition("notes", "1.0"), ["BankMSP"], ValueError("no")))
    assert plain.endswith(f"version 1.0, sequence 1, rule {DEFAULT}, no collections")
