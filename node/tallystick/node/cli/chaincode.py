"""``tally chaincode``."""

import argparse
import json
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from pydantic import BaseModel, Field, JsonValue

from tallystick.client.errors import ClientError, CommitError, EndorseError
from tallystick.node.cli.calls import looked_up
from tallystick.node.cli.definition_changes import InForce, changes, rule_of, rule_text, strangers
from tallystick.node.cli.output import write_file
from tallystick.node.cli.session import administrator_of, channel_of, connect
from tallystick.node.cluster.access import config_in_force
from tallystick.node.cluster.administrator import Administrator, Definition
from tallystick.node.cluster.collections import load_collections
from tallystick.node.cluster.deployment import new_package
from tallystick.node.cluster.startup import METADATA_FUNCTION
from tallystick.node.errors import LedgerError
from tallystick.node.runtime.packages import (
    CCAAS,
    EXTERNAL,
    PYTHON,
    build_external_package,
    check_contract,
    check_package,
)
from tallystick.node.runtime.service import ServiceAddress, build_service_package
from tallystick.node.runtime.serving import serve_contracts
from tallystick.protos.peer.collection_pb2 import CollectionConfigPackage

FAILURES = (ClientError,)


class NotAgreedError(LedgerError):
    """A definition did not come into force, and not everybody has approved it.

    Attributes:
        missing: Who has not.
    """

    def __init__(self, definition: Definition, missing: Sequence[str], reason: Exception) -> None:
        super().__init__(
            f"{definition.name} {definition.version} is not in force: {reason}\n"
            f"  not approved by {', '.join(missing)}: let more organisations approve exactly this."
            " An approval counts only for the same version, sequence, rule and collections; asked"
            f" for are version {definition.version}, sequence {definition.sequence}, rule"
            f" {rule_of(definition)}, {_collections_told(definition)}"
        )
        self.missing = missing


class OutOfTurnError(LedgerError):
    """What is to be approved or committed is not the next definition of a chaincode.

    Attributes:
        sequence: Of the definition in force.
    """

    def __init__(self, in_force: InForce) -> None:
        super().__init__(
            f"{in_force.name} {in_force.version} is in force with sequence {in_force.sequence}:"
            f" approve and commit what is to come after it with --sequence {in_force.sequence + 1}"
        )
        self.sequence = in_force.sequence


def check(options: argparse.Namespace) -> None:
    """Say why peers would not run a contract or could differ over it, or that they would."""
    module = options.entry.partition(":")[0].lstrip("_")  # which no label begins with
    checked = check_contract(new_package(module or "contract", options.entry, options.source))
    sources = ", ".join(sorted(checked.package.sources))
    print(f"{options.entry} may be installed; checked: {sources}")
    print(f"functions: {', '.join(checked.functions)}")


def package(options: argparse.Namespace) -> None:
    """Write the package of a contract and print its id."""
    content = _new_package(options)
    checked = check_package(content)
    write_file(options.output, content)
    print(checked.package_id)


def serve(options: argparse.Namespace) -> None:
    """Serve contracts to peers, as a program of their own."""
    serve_contracts(options)


async def install(options: argparse.Namespace) -> None:
    """Install a package and print its id."""
    content = options.package.read_bytes()
    async with AsyncExitStack() as stack:
        administrator, _ = await administrator_of(options, stack)
        print(await administrator.install(content))


async def approve(options: argparse.Namespace) -> None:
    """Approve a definition; print where, and who else has."""
    definition, package_id = _definition(options), options.package_id or ""
    async with AsyncExitStack() as stack:
        administrator, network = await administrator_of(options, stack)
        channel = network.topology.find_channel(options.channel)
        in_force = await _in_force(administrator, channel.id, definition.name)
        _tell_changes(in_force, definition)
        if unknown := strangers(definition, await _members(administrator, channel.id)):
            print(
                f"warning: the rule of {definition.name} names {', '.join(unknown)}, not on channel"
                f" {channel.id!r}: nobody endorses for an organisation that is not. If a name is"
                " wrong, approve again with the right rule before this definition is committed",
                file=sys.stderr,
            )
        try:
            landed = await administrator.approve(channel.id, definition, package_id)
        except EndorseError as error:
            if in_force is None or definition.sequence == in_force.sequence + 1:
                raise
            raise OutOfTurnError(in_force) from error
        when = "before" if landed is None else f"in block {landed.block_number}"
        print(f"approved by {administrator.msp_id} {when}")
        if package_id and package_id not in await administrator.installed():
            print(
                f"its peer will not endorse yet: it lacks {package_id}; run"
                f" `tally chaincode install FILE --as {administrator.msp_id}`"
            )
        if in_force is not None and in_force.sequence == definition.sequence:
            print(f"{definition.name} {definition.version} is in force already")
            return
        approvals = await administrator.approvals(channel.id, definition)
    for member in network.topology.on_channel(channel).peer_organizations:
        print(f"  {member.msp_id}: {'yes' if approvals.get(member.msp_id) else 'not yet'}")


async def commit(options: argparse.Namespace) -> None:
    """Put a definition into force, confirmed by every organisation that approved it."""
    definition = _definition(options)
    async with AsyncExitStack() as stack:
        administrator, network = await administrator_of(options, stack)
        channel = network.topology.find_channel(options.channel)
        in_force = await _in_force(administrator, channel.id, definition.name)
        if in_force is not None and definition.sequence != in_force.sequence + 1:
            raise OutOfTurnError(in_force)
        _tell_changes(in_force, definition)
        approvals = await administrator.approvals(channel.id, definition)
        part = network.topology.on_channel(channel)
        members = [member.msp_id for member in part.peer_organizations]
        endorsers = [msp_id for msp_id in members if approvals.get(msp_id)]
        try:
            landed = await administrator.commit(channel.id, definition, endorsers)
        except (EndorseError, CommitError) as error:
            missing = [msp_id for msp_id in members if msp_id not in endorsers]
            if not missing:
                raise
            raise NotAgreedError(definition, missing, error) from error
    print(f"{definition.name} {definition.version} is in force since block {landed.block_number}")


async def list_definitions(options: argparse.Namespace) -> None:
    """Print a line for each definition, then for each package on the peer."""
    async with AsyncExitStack() as stack:
        administrator, network = await administrator_of(options, stack)
        channel_id = network.topology.find_channel(options.channel).id
        definitions = await administrator.definitions(channel_id)
        installed = await administrator.installed()
    print(f"in force on {channel_id}:")
    if not definitions:
        print("  nothing")
    for each in definitions:
        rule = rule_text(each.validation_parameter)
        print(f"  {each.name:12} {each.version:8} sequence {each.sequence}  endorsed by {rule}")
    print(f"installed on the peer of {administrator.msp_id}:")
    for line in sorted(installed) or ["nothing"]:
        print(f"  {line}")


async def describe(options: argparse.Namespace) -> None:
    """Print what a chaincode says of itself."""
    async with await connect(options) as gateway:
        called = channel_of(gateway, options).contract(options.name)
        answer = await looked_up(called.evaluate(METADATA_FUNCTION))
    if options.json:
        print(json.dumps(json.loads(answer), indent=2, ensure_ascii=False))
        return
    for contract in _Metadata.model_validate_json(answer).contracts.values():
        for function in contract.transactions:
            kind = ", ".join(function.tag)
            parameters = ", ".join(map(str, function.parameters))
            print(f"{function.name}({parameters})  [{kind}]")
            if function.description:
                print(f"    {function.description}")


class PackageOptionsError(LedgerError):
    """The options of a package contradict each other, or name a file that cannot be in it."""


def _new_package(options: argparse.Namespace) -> bytes:
    kind, address, entry = options.type, options.address, options.entry
    if kind == PYTHON:
        if entry is None or address is not None:
            raise PackageOptionsError(
                f"a package of type {PYTHON} is of a contract: name it as MODULE:CLASS, and give "
                "no --address"
            )
        return new_package(options.label, entry, options.source)
    if entry is not None or options.source is not None:
        raise PackageOptionsError(f"a package of type {kind} holds no contract: leave it out")
    if kind == EXTERNAL:
        if address is not None:
            raise PackageOptionsError(
                f"chaincode of type {EXTERNAL} dials the peer, so it has no --address"
            )
        return build_external_package(options.label)
    if address is None:
        raise PackageOptionsError(f"a package of type {CCAAS} says where it serves: --address")
    return build_service_package(options.label, _service(options))


def _service(options: argparse.Namespace) -> ServiceAddress:
    def pem(path: Path | None) -> str:
        try:
            return "" if path is None else path.read_text(encoding="ascii")
        except UnicodeDecodeError as error:
            raise PackageOptionsError(
                f"{path} is no PEM file, which is ASCII text: name one of certificates or of a key"
            ) from error

    host, port = options.address
    return ServiceAddress(
        address=f"{host}:{port}",
        dial_timeout=f"{options.dial_timeout:g}s",
        tls_required=options.tls_roots is not None,
        root_cert=pem(options.tls_roots),
        client_auth_required=options.tls_certificate is not None,
        client_cert=pem(options.tls_certificate),
        client_key=pem(options.tls_key),
    )


class _Parameter(BaseModel):
    name: str
    required: bool = True
    schema_: Mapping[str, JsonValue] = Field(alias="schema")

    def __str__(self) -> str:
        """What it takes, and what it is when it is left out, if it may be."""
        taken = f"{self.name}: {self.type_name}"
        if self.required:
            return taken
        if "default" not in self.schema_:
            return f"[{taken}]"
        return f"{taken} = {json.dumps(self.schema_['default'], ensure_ascii=False)}"

    @property
    def type_name(self) -> str:
        """The type in one word, as far as there is one."""
        reference = self.schema_.get("$ref")
        if isinstance(reference, str):
            return reference.rpartition("/")[2]
        return str(self.schema_.get("type", "any"))


class _Function(BaseModel):
    name: str
    description: str = ""
    tag: list[str] = []
    parameters: list[_Parameter] = []


class _Contract(BaseModel):
    transactions: list[_Function]


class _Metadata(BaseModel):
    contracts: dict[str, _Contract]


async def _members(administrator: Administrator, channel_id: str) -> Collection[str]:
    """Return the MSPs of a channel."""
    config = await config_in_force(administrator.gateway.network(channel_id))
    return {*config.application_msp_ids, *config.orderer_msp_ids}


async def _in_force(administrator: Administrator, channel_id: str, name: str) -> InForce | None:
    """Return the definition of a chaincode that is in force, if there is one."""
    definitions = await administrator.definitions(channel_id)
    return next((each for each in definitions if each.name == name), None)


def _definition(options: argparse.Namespace) -> Definition:
    collections = CollectionConfigPackage()
    if options.collections is not None:
        collections = load_collections(options.collections)
    return Definition(
        options.name, options.version, options.sequence, options.endorsement, collections
    )


def _tell_changes(in_force: InForce | None, definition: Definition) -> None:
    """Print what the next definition of a chaincode changes, before anybody puts it on a ledger."""
    if in_force is not None and definition.sequence == in_force.sequence + 1:
        for line in changes(in_force, definition):
            print(line)


def _collections_told(definition: Definition) -> str:
    names = [each.static_collection_config.name for each in definition.collections.config]
    return f"collections {', '.join(names)}" if names else "no collections"
