"""A contract that keeps notes, and the organisations of a small network as a topology has them."""

NOTES = """
from tallystick.chaincode import Context, Contract, query, transaction


class Notes(Contract):
    name = "notes"

    @transaction
    def put(self, ctx: Context, key: str, text: str) -> None:
        ctx.state.put(key, text.encode())

    @query
    def get(self, ctx: Context, key: str) -> str:
        return (ctx.state.get(key) or b"").decode()
"""


def member(msp_id: str, port: int, operations_port: int) -> str:
    """Return the table of an organisation with one peer, an administrator and a client."""
    return f"""
[[organizations]]
msp_id = "{msp_id}"
domain = "{msp_id.removesuffix("MSP").lower()}.example"
peers = [{{ name = "peer0", port = {port}, operations_port = {operations_port} }}]
users = [{{ name = "admin", role = "admin" }}, {{ name = "client" }}]
"""


def orderer(port: int, operations_port: int) -> str:
    """Return the table of the organisation that orders."""
    return f"""
[[organizations]]
msp_id = "OrdererMSP"
domain = "orderer.example"
orderers = [{{ name = "orderer0", port = {port}, operations_port = {operations_port} }}]
users = [{{ name = "admin", role = "admin" }}]
"""


THREE_MEMBERS = (
    member("OneMSP", 7051, 7052)
    + member("TwoMSP", 8051, 8052)
    + member("ThreeMSP", 9051, 9052)
    + orderer(7050, 7060)
)
"""One, Two and Three, and the orderer, in process: nothing listens at these ports."""
