"""A channel's configuration, changed by Fabric's own programs: §15.4, §15.5, §8.1."""

import json
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fabric.conftest import Site

ORDERER_ADMIN = "OrdererMSP"
WAIT_S = 30


class Editor:
    """Fetches, decodes, edits and encodes as the guides of Fabric tell administrators to."""

    def __init__(self, site: "Site") -> None:
        self.site = site

    def translate(self, direction: str, kind: str, source: str, target: str) -> None:
        words = (f"proto_{direction}", "--type", kind, "--input", source, "--output", target)
        self.site.fabric.run("configtxlator", *words).succeeded()

    def update(self, edit: "Callable[[dict[str, Any]], None]") -> None:
        """Leave an unsigned update in ``update.pb``, an envelope."""
        site, place = self.site, self.site.fabric.workplace
        site.peer(
            *("channel", "fetch", "config", "config.block", "-c", site.channel_id),
            *site.to_orderer,
        ).succeeded()
        self.translate("decode", "common.Block", "config.block", "block.json")
        block = json.loads((place / "block.json").read_text())
        config = block["data"]["data"][0]["payload"]["data"]["config"]
        (place / "before.json").write_text(json.dumps(config))
        edit(config)
        (place / "after.json").write_text(json.dumps(config))
        for name in ("before", "after"):
            self.translate("encode", "common.Config", f"{name}.json", f"{name}.pb")
        site.fabric.run(
            *("configtxlator", "compute_update", "--channel_id", site.channel_id),
            *("--original", "before.pb", "--updated", "after.pb", "--output", "delta.pb"),
        ).succeeded()
        self.translate("decode", "common.ConfigUpdate", "delta.pb", "delta.json")
        envelope = {
            "payload": {
                "header": {"channel_header": {"channel_id": site.channel_id, "type": 2}},
                "data": {"config_update": json.loads((place / "delta.json").read_text())},
            }
        }
        (place / "update.json").write_text(json.dumps(envelope))
        self.translate("encode", "common.Envelope", "update.json", "update.pb")

    def sign(self, *msp_ids: str) -> None:
        for msp_id in msp_ids:
            self.site.peer("channel", "signconfigtx", "-f", "update.pb", msp_id=msp_id).succeeded()
        self.site.fabric.run("configtxgen", "-inspectChannelCreateTx", "update.pb").succeeded()

    def acls(self, site: "Site", acls: dict[str, str]) -> None:
        def edit(config: dict[str, Any]) -> None:
            config["channel_group"]["groups"]["Application"]["values"]["ACLs"] = {
                "mod_policy": "Admins",
                "value": {"acls": {name: {"policy_ref": ref} for name, ref in acls.items()}},
            }

        self.update(edit)
        self.sign("ATSMSP", "ClearingMSP", "TransferAgentMSP")
        submit = ("channel", "update", "-f", "update.pb", "-c", site.channel_id)
        before = self.height()
        site.peer(*submit, *site.to_orderer, msp_id="BankMSP").succeeded()
        self.wait_above(before)

    def wait_above(self, height: int) -> None:
        """Return once the peer has more blocks: the orderer answers before it has."""
        deadline = monotonic() + WAIT_S
        while self.height() == height:
            assert monotonic() < deadline, "the configuration never reached the peer"

    def height(self) -> int:
        """Return how many blocks the peer has."""
        info = self.site.peer("channel", "getinfo", "-c", self.site.channel_id).succeeded().out
        return int(json.loads(info.partition(": ")[2])["height"])


def test_the_batch_size_changes_once_the_right_ones_signed(site: "Site") -> None:
    editor = Editor(site)

    def edit(config: dict[str, Any]) -> None:
        values = config["channel_group"]["groups"]["Orderer"]["values"]
        values["BatchSize"]["value"]["max_message_count"] = 42

    editor.update(edit)
    submit = ("channel", "update", "-f", "update.pb", "-c", site.channel_id, *site.to_orderer)
    site.peer(*submit).failed("BAD_REQUEST", "policy for [Value]  /Channel/Orderer/BatchSize")
    editor.sign("ATSMSP")
    site.peer(*submit, msp_id=ORDERER_ADMIN).succeeded()
    assert "at version" in site.peer(*submit, msp_id=ORDERER_ADMIN).failed("BAD_REQUEST").err


def test_an_update_goes_in_through_the_orderers_own_interface(site: "Site") -> None:
    editor = Editor(site)
    place = site.fabric.workplace

    def edit(config: dict[str, Any]) -> None:
        values = config["channel_group"]["groups"]["Orderer"]["values"]
        values["BatchTimeout"]["value"]["timeout"] = "321ms"

    def submit() -> str:
        words = ("channel", "update", "-c", site.channel_id, "-e", "update.pb")
        return site.osnadmin(*words).succeeded().out

    editor.update(edit)
    editor.sign("ATSMSP")
    refused = submit()
    assert "Status: 400" in refused
    assert f"cannot update: failed update config of channel {site.channel_id}: " in refused
    editor.sign(ORDERER_ADMIN)
    height = editor.height()
    accepted = submit()
    assert "Status: 201" in accepted
    assert '"consensusRelation": "consenter"' in accepted
    editor.wait_above(height)
    unknown = (place / "update.pb").read_bytes().replace(b"securities", b"securitiez")
    (place / "unknown.pb").write_bytes(unknown)
    words = ("channel", "update", "-c", "securitiez", "-e", "unknown.pb")
    answer = site.osnadmin(*words).succeeded().out
    assert "Status: 405" in answer
    assert "cannot update: channel does not exist" in answer


def test_access_lists_open_and_close_what_a_peer_offers(site: "Site") -> None:
    editor = Editor(site)
    info = ("chaincode", "query", "-C", site.channel_id, "-n", "qscc")
    call = (*info, "-c", json.dumps({"Args": ["GetChainInfo", site.channel_id]}))
    site.peer(*call, user="client").succeeded()
    editor.acls(
        site,
        {"qscc/GetChainInfo": "/Channel/Application/ATSMSP/Admins", "event/Block": "ATSMSP/Admins"},
    )
    site.peer(*call, user="client").failed("access denied for [GetChainInfo][securities]")
    fetch = ("channel", "fetch", "newest", "seen.block", "-c", site.channel_id)
    assert "FORBIDDEN" in site.peer(*fetch, user="client").failed().err
    site.peer(*fetch).succeeded()
