"""The document by which a chaincode describes itself: wire.md §9.4."""

import json
from typing import Annotated

from pydantic import BaseModel, Field

from tallystick.chaincode import Context, Contract, ContractChaincode, query, transaction
from tallystick.chaincode.testing import MemoryStub, make_client


class Receipt(BaseModel):
    quantity: int


class TokenContract(Contract):
    name = "token"
    version = "1.2"

    @transaction
    def issue(self, ctx: Context, to: str, quantity: Annotated[int, Field(gt=0)] = 1) -> Receipt:
        """Issue units to a holder.

        Only the issuer may.
        """
        return Receipt(quantity=quantity if ctx.state.get(to) is None else 0)

    @query
    def balance_of(self, ctx: Context, holder: str) -> int:
        return int(ctx.state.get(holder) or 0)


def test_the_document_lists_functions_with_the_schemas_of_their_types() -> None:
    """§9.4."""
    stub = MemoryStub.alone(make_client("BrokerMSP"), b"org.hyperledger.fabric:GetMetadata")
    response = ContractChaincode(TokenContract()).invoke(stub)
    assert response.status == 200
    assert json.loads(response.payload) == {
        "info": {"title": "token", "version": "1.2"},
        "contracts": {
            "token": {
                "name": "token",
                "contractInstance": {"name": "token", "default": True},
                "info": {"title": "token", "version": "1.2"},
                "transactions": [
                    {
                        "name": "issue",
                        "description": "Issue units to a holder.",
                        "tag": ["submit"],
                        "parameters": [
                            {"name": "to", "required": True, "schema": {"type": "string"}},
                            {
                                "name": "quantity",
                                "required": False,
                                "schema": {"type": "integer", "exclusiveMinimum": 0, "default": 1},
                            },
                        ],
                        "returns": {"$ref": "#/components/schemas/Receipt"},
                    },
                    {
                        "name": "balance_of",
                        "description": "",
                        "tag": ["evaluate"],
                        "parameters": [
                            {"name": "holder", "required": True, "schema": {"type": "string"}}
                        ],
                        "returns": {"type": "integer"},
                    },
                ],
            }
        },
        "components": {
            "schemas": {
                "Receipt": {
                    "$id": "Receipt",
                    "title": "Receipt",
                    "type": "object",
                    "properties": {"quantity": {"title": "Quantity", "type": "integer"}},
                    "required": ["quantity"],
                }
            }
        },
    }


class OddDefaults(Contract):
    name = "odd"

    @query
    def find(self, ctx: Context, raw: bytes = b"\xff", most: float = float("inf")) -> str:
        return f"{raw!r} {most} {ctx.transaction_id}"


def test_a_default_that_is_not_json_is_left_out() -> None:
    document = json.loads(ContractChaincode(OddDefaults()).metadata)
    (function,) = document["contracts"]["odd"]["transactions"]
    assert [
        (each["name"], each["required"], "default" in each["schema"])
        for each in function["parameters"]
    ] == [("raw", False, False), ("most", False, False)]
