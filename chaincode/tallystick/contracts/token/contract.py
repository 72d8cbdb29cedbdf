"""The token contract, as callers see it: put together from the parts of its concerns."""

from tallystick.contracts.compliance.functions import ComplianceFunctions
from tallystick.contracts.custody.functions import CustodyFunctions
from tallystick.contracts.register.functions.allowances import AllowanceFunctions
from tallystick.contracts.register.functions.approvals import ApprovalFunctions
from tallystick.contracts.register.functions.cycles import CycleFunctions
from tallystick.contracts.register.functions.enforcement import EnforcementFunctions
from tallystick.contracts.register.functions.folding import FoldingFunctions
from tallystick.contracts.register.functions.holders import HolderFunctions
from tallystick.contracts.register.functions.holds import HoldFunctions
from tallystick.contracts.register.functions.movements import MovementFunctions
from tallystick.contracts.register.functions.offers import OfferFunctions
from tallystick.contracts.register.functions.publications import PublicationFunctions
from tallystick.contracts.register.functions.record_dates import RecordDateFunctions
from tallystick.contracts.register.functions.rules import RuleFunctions
from tallystick.contracts.register.functions.securities import SecurityFunctions


class TokenContract(
    SecurityFunctions,
    MovementFunctions,
    OfferFunctions,
    CustodyFunctions,  # which grants allowances too
    AllowanceFunctions,
    HoldFunctions,
    CycleFunctions,
    EnforcementFunctions,
    PublicationFunctions,
    HolderFunctions,
    RecordDateFunctions,
    FoldingFunctions,
    RuleFunctions,
    ApprovalFunctions,
    ComplianceFunctions,
):
    """Securities and their holders."""

    name = "token"
