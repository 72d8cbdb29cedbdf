"""Processes of Fabric's own nodes and tools, as they come from FABRIC_BIN."""

import asyncio
import json
import os
import stat
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.fabric.foundation import CHANNEL, HOST, ORDERER, Foundation, Ports

from tallystick.chaincode.package import package_id
from tallystick.chaincode.ccaas import ccaas_package if False else None
