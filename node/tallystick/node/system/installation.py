"""The functions of ``_lifecycle`` that concern one peer: its installed packages."""

from collections.abc import Iterator, Mapping

from google.protobuf.message import Message

from tallystick.node.errors import LedgerError
from tallystick.node.runtime.packages import InstalledPackage, PackageStore
from tallystick.node.system.definitions import LifecycleRuleError
from tallystick.node.system.port import SystemChannel, SystemInvocation
from tallystick.protos.peer.lifecycle import lifecycle_pb2
from tallystick.wire.messages import decode


class PackageNotInstalledError(LedgerError):
    """A package is not on this peer.

    Attributes:
        package_id: Its id.
    """

    def __init__(self, package_id: str) -> None:
        super().__init__(f"chaincode install package '{package_id}' not found")
        self.package_id = package_id


class InstallationFunctions:
    """Installs packages, and tells which are there and what they are used for."""

    def __init__(self, channels: Mapping[str, SystemChannel], packages: PackageStore) -> None:
        self._channels = channels
        self._packages = packages

    def install(self, argument: bytes, _: SystemInvocation) -> Message:
        """Answer ``InstallChaincode``.

        Raises:
            LifecycleRuleError: The package is there already.
            PackageRefusedError: It is malformed, or its contracts are not deterministic.
        """
        package = decode(lifecycle_pb2.InstallChaincodeArgs, argument).chaincode_install_package
        before = {installed.package_id for installed in self._packages.list()}
        package_id = self._packages.save(package)
        if package_id in before:
            raise LifecycleRuleError(
                f"chaincode already successfully installed (package ID '{package_id}')"
            )
        return lifecycle_pb2.InstallChaincodeResult(
            package_id=package_id, label=self._installed(package_id).label
        )

    def query_one(self, argument: bytes, _: SystemInvocation) -> Message:
        """Answer ``QueryInstalledChaincode``; PackageNotInstalledError if it is not there."""
        package_id = decode(lifecycle_pb2.QueryInstalledChaincodeArgs, argument).package_id
        result = lifecycle_pb2.QueryInstalledChaincodeResult
        return result(
            package_id=package_id,
            label=self._installed(package_id).label,
            references={
                channel_id: result.References(
                    chaincodes=[
                        result.Chaincode(name=name, version=version) for name, version in used
                    ]
                )
                for channel_id, used in self._references(package_id)
            },
        )

    def query_all(self, argument: bytes, _: SystemInvocation) -> Message:
        """Answer ``QueryInstalledChaincodes``."""
        decode(lifecycle_pb2.QueryInstalledChaincodesArgs, argument)
        result = lifecycle_pb2.QueryInstalledChaincodesResult
        return result(
            installed_chaincodes=[
                result.InstalledChaincode(
                    package_id=installed.package_id,
                    label=installed.label,
                    references={
                        channel_id: result.References(
                            chaincodes=[
                                result.Chaincode(name=name, version=version)
                                for name, version in used
                            ]
                        )
                        for channel_id, used in self._references(installed.package_id)
                    },
                )
                for installed in self._packages.list()
            ]
        )

    def get_package(self, argument: bytes, _: SystemInvocation) -> Message:
        """Answer ``GetInstalledChaincodePackage``; PackageNotInstalledError if it is not there."""
        package_id = decode(lifecycle_pb2.GetInstalledChaincodePackageArgs, argument).package_id
        package = self._packages.get(package_id)
        if package is None:
            raise PackageNotInstalledError(package_id)
        return lifecycle_pb2.GetInstalledChaincodePackageResult(chaincode_install_package=package)

    def _installed(self, package_id: str) -> InstalledPackage:
        for installed in self._packages.list():
            if installed.package_id == package_id:
                return installed
        raise PackageNotInstalledError(package_id)

    def _references(self, package_id: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Yield the channels that use a package here, with names and versions of chaincodes."""
        for channel_id, channel in self._channels.items():
            definitions = map(channel.definitions.current, channel.definitions.names())
            used = [
                (definition.name, definition.version)
                for definition in definitions
                if definition is not None and definition.package_id == package_id
            ]
            if used:
                yield channel_id, used
