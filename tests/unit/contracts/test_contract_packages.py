"""The contracts as packages: what a peer is asked to install."""

import pytest

from tallystick.chaincode.determinism import check_sources
from tallystick.chaincode.package import build_package, parse_package

PACKAGES = {
    "identity": ("identity", "licensing", "identities", "claims", "accounts"),
    "token": ("token", "register", "compliance", "custody"),
    "cash": ("cash",),
    "settlement": ("settlement", "trades", "actions", "offerings"),
}
"""The packages that are a chaincode's own; what others need of it lies outside them."""


@pytest.mark.parametrize(
    ("chaincode", "entry"),
    [
        ("identity", "tallystick.contracts.identity:IdentityContract"),
        ("token", "tallystick.contracts.token:TokenContract"),
        ("cash", "tallystick.contracts.cash:CashContract"),
        ("settlement", "tallystick.contracts.settlement:SettlementContract"),
    ],
)
def test_a_contract_passes_the_determinism_check(chaincode: str, entry: str) -> None:
    package = parse_package(build_package(chaincode, entry))
    others = {
        package
        for owner, packages in PACKAGES.items()
        if owner != chaincode
        for package in packages
    }

    assert check_sources(package.sources) == []
    assert not [
        path for path in package.sources for other in others if f"contracts/{other}/" in path
    ], "a contract carries no other contract along"
    for outside in ("wallet", "participants", "replay"):
        assert not [path for path in package.sources if f"contracts/{outside}" in path]
