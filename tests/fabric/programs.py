"""Where Hyperledger Fabric's programs are: in the folder that ``FABRIC_BIN`` names."""

import os
from pathlib import Path

HOW_TO_GET_THEM = (
    "FABRIC_BIN must name the folder that holds Hyperledger Fabric's programs (peer, osnadmin, "
    "configtxgen, configtxlator, orderer): unpack hyperledger-fabric-linux-amd64-3.1.x.tar.gz of "
    "https://github.com/hyperledger/fabric/releases, then run "
    "`FABRIC_BIN=/where/it/is/bin make fabric-tools`"
)


class ProgramMissingError(Exception):
    """One of Fabric's programs is not where it should be; the message says how to get it."""


def program(name: str) -> Path:
    """Return the path of one of Fabric's programs.

    Raises:
        ProgramMissingError: ``FABRIC_BIN`` does not say where they are, or this one is not there.
    """
    folder = os.environ.get("FABRIC_BIN")
    path = Path(folder or ".").resolve() / name
    if not folder or not path.is_file():
        raise ProgramMissingError(f"there is no program {name}: {HOW_TO_GET_THEM}")
    return path
