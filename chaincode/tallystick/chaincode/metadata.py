"""The document in which a chaincode describes itself, in the form of Fabric's contract API.

Clients and explorers ask for it with the function ``org.hyperledger.fabric:GetMetadata``. Schemas
are those that pydantic makes of the annotations, and may say more than the draft that Fabric's own
contracts use.
"""

import inspect
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from pydantic import JsonValue, TypeAdapter

from tallystick.chaincode.contract import Contract, ContractFunction, Parameter

METADATA_FUNCTION = b"org.hyperledger.fabric:GetMetadata"

_REFERENCE = "#/components/schemas/{model}"
_RETURN = "return"

_Mode: TypeAlias = Literal["validation", "serialization"]
_Place: TypeAlias = tuple[str, str, str]  # contract, function, parameter or _RETURN
_Schemas: TypeAlias = Mapping[tuple[_Place, _Mode], dict[str, Any]]


def metadata_document(contracts: Sequence[Contract]) -> dict[str, JsonValue]:
    """Return what the contracts offer: functions, parameters and the schemas of both."""
    schemas, definitions = TypeAdapter.json_schemas(
        [
            (place, "serialization" if place[2] == _RETURN else "validation", adapter)
            for place, adapter in _adapters(contracts).items()
        ],
        ref_template=_REFERENCE,
    )
    components: dict[str, JsonValue] = {
        name: {"$id": name, **schema} for name, schema in definitions.get("$defs", {}).items()
    }
    first = contracts[0]
    return {
        "info": {"title": first.name, "version": first.version},
        "contracts": {
            contract.name: _contract(contract, schemas, default=contract is first)
            for contract in contracts
        },
        "components": {"schemas": components},
    }


def _adapters(contracts: Sequence[Contract]) -> dict[_Place, TypeAdapter[Any]]:
    adapters: dict[_Place, TypeAdapter[Any]] = {}
    for contract in contracts:
        for function in contract.functions.values():
            for parameter in function.parameters:
                adapters[contract.name, function.name, parameter.name] = parameter.adapter
            adapters[contract.name, function.name, _RETURN] = function.returns
    return adapters


def _contract(contract: Contract, schemas: _Schemas, *, default: bool) -> dict[str, JsonValue]:
    return {
        "name": contract.name,
        "contractInstance": {"name": contract.name, "default": default},
        "info": {"title": contract.name, "version": contract.version},
        "transactions": [
            _function(contract.name, function, schemas) for function in contract.functions.values()
        ],
    }


def _function(contract: str, function: ContractFunction, schemas: _Schemas) -> dict[str, JsonValue]:
    described: dict[str, JsonValue] = {
        "name": function.name,
        "description": (inspect.getdoc(function.call) or "").partition("\n")[0],
        "tag": [str(function.kind)],
        "parameters": [
            {
                "name": parameter.name,
                "required": parameter.required,
                "schema": {
                    **schemas[(contract, function.name, parameter.name), "validation"],
                    **_default(parameter),
                },
            }
            for parameter in function.parameters
        ],
    }
    returned = schemas[(contract, function.name, _RETURN), "serialization"]
    if returned != {"type": "null"}:
        described["returns"] = returned
    return described


def _default(parameter: Parameter) -> dict[str, JsonValue]:
    """Return the keyword ``default`` of a schema; none if there is no default, or not in JSON."""
    if parameter.required:
        return {}
    try:
        default = parameter.adapter.dump_python(parameter.default, mode="json", warnings=False)
        json.dumps(default, allow_nan=False)
    except ValueError:  # of pydantic, of bytes that are no text, or of numbers that are not finite
        return {}
    return {"default": default}
