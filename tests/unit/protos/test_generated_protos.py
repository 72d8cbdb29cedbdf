"""The .proto files, the modules generated from them, and the table of Fabric's field numbers."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor, FileDescriptor

from tallystick import protos

PROTOS = Path(protos.__file__).parents[2]
PROTO_FILES = sorted(
    path.relative_to(PROTOS).as_posix() for path in (PROTOS / "tallystick").rglob("*.proto")
)
FIELDS: dict[str, dict[str, int]] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "proto_fields.json").read_text(encoding="utf-8")
)
FABRIC_PACKAGES = {
    "common", "etcdraft", "gateway", "kvrwset", "lifecycle", "msp", "orderer",
    "privacyenabledstate", "protos", "queryresult", "rwset", "txmgr",
}  # fmt: skip
ETCD_PACKAGES = {"etcdserverpb", "mvccpb"}
OWN_PACKAGE = "tallystick"
"""What our own nodes say to each other. It may not be mistaken for anything of Fabric's."""


def generated_files(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*_pb2*.py*")
        if path.suffix in {".py", ".pyi"}
    }


def generate(target: Path) -> None:
    """Run the command of ``make protos`` with its output in ``target``."""
    tools = Path(sys.executable).parent
    command = [
        sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTOS}",
        f"--python_out={target}", f"--grpc_python_out={target}",
        f"--mypy_out=quiet:{target}", f"--mypy_grpc_out=quiet,only_async:{target}",
        *PROTO_FILES,
    ]  # fmt: skip
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(command, check=True, env=environment, cwd=PROTOS)
    for file in PROTO_FILES:
        if not load(file).services_by_name:
            for suffix in ("_pb2_grpc.py", "_pb2_grpc.pyi"):
                (target / file.replace(".proto", suffix)).unlink()


def load(file: str) -> FileDescriptor:
    module = importlib.import_module(file.removesuffix(".proto").replace("/", ".") + "_pb2")
    descriptor = module.DESCRIPTOR
    assert isinstance(descriptor, FileDescriptor)
    return descriptor


def messages_of(file: FileDescriptor) -> Iterator[Descriptor]:
    pending = list(file.message_types_by_name.values())
    while pending:
        message = pending.pop()
        if not message.GetOptions().map_entry:
            yield message
            pending.extend(message.nested_types)


@pytest.fixture(scope="module")
def files() -> list[FileDescriptor]:
    return [load(file) for file in PROTO_FILES]


@pytest.fixture(scope="module")
def messages(files: list[FileDescriptor]) -> list[Descriptor]:
    return [message for file in files for message in messages_of(file)]


def test_committed_modules_are_what_the_pinned_tools_generate(tmp_path: Path) -> None:
    generate(tmp_path)
    committed, generated = generated_files(PROTOS), generated_files(tmp_path)
    assert committed.keys() == generated.keys()
    stale = [name for name, content in generated.items() if committed[name] != content]
    assert not stale, f"run `make protos`: {stale}"


def test_every_file_lies_in_a_package_of_fabric_or_etcd_or_in_our_own(
    files: list[FileDescriptor],
) -> None:
    """§1, §19 item 26: package names are on the wire in gRPC paths and in Any type URLs."""
    assert {file.package for file in files} == FABRIC_PACKAGES | ETCD_PACKAGES | {OWN_PACKAGE}


def test_msp_principal_is_in_package_common(messages: list[Descriptor]) -> None:
    """§1: the file is under msp, but its package is common."""
    names = {message.full_name: message.file.name for message in messages}
    assert names["common.MSPPrincipal"].endswith("msp/msp_principal.proto")


def test_both_application_policies_exist(messages: list[Descriptor]) -> None:
    names = {message.full_name for message in messages}
    assert {"common.ApplicationPolicy", "protos.ApplicationPolicy"} <= names


def test_no_message_uses_a_field_number_or_a_name_twice(messages: list[Descriptor]) -> None:
    for message in messages:
        fields = message.fields
        assert len({field.number for field in fields}) == len(fields), message.full_name
        assert len({field.name for field in fields}) == len(fields), message.full_name


def test_no_two_messages_share_a_name(messages: list[Descriptor]) -> None:
    names = [message.full_name for message in messages]
    assert len(set(names)) == len(names)


def test_every_enum_starts_at_zero(files: list[FileDescriptor], messages: list[Descriptor]) -> None:
    enums = [enum for file in files for enum in file.enum_types_by_name.values()]
    enums += [enum for message in messages for enum in message.enum_types]
    assert [enum.full_name for enum in enums if enum.values[0].number != 0] == []


def test_messages_and_fields_are_those_of_fabric(messages: list[Descriptor]) -> None:
    """Appendix A: every message, every field and every number, and no others."""
    actual = {
        message.full_name: {field.name: field.number for field in message.fields}
        for message in messages
        if message.file.package in FABRIC_PACKAGES
    }
    assert actual == FIELDS


@pytest.mark.parametrize(
    ("service", "methods"),
    [
        ("gateway.Gateway", "Endorse Submit CommitStatus Evaluate ChaincodeEvents"),
        ("protos.Endorser", "ProcessProposal"),
        ("protos.Deliver", "Deliver DeliverFiltered DeliverWithPrivateData"),
        ("protos.ChaincodeSupport", "Register"),
        ("protos.Chaincode", "Connect"),
        ("protos.Snapshot", "Generate Cancel QueryPendings"),
        ("orderer.AtomicBroadcast", "Broadcast Deliver"),
    ],
)
def test_services_have_the_methods_of_fabric(
    files: list[FileDescriptor], service: str, methods: str
) -> None:
    """§1: the path of a call is /<service>/<method>."""
    services = {
        found.full_name: [method.name for method in found.methods]
        for file in files
        for found in file.services_by_name.values()
    }
    assert services[service] == methods.split()
