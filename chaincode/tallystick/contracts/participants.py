"""The organisations of the default network, by MSP: the cast of tests, examples and the demo.

No contract depends on these names. Who may do what, licences say.
"""

from enum import StrEnum


class Participant(StrEnum):
    """The licensed organisations and the MSP by which the channel knows each."""

    ATS = "ATSMSP"
    CLEARING = "ClearingMSP"
    TRANSFER_AGENT = "TransferAgentMSP"
    BROKER_DEALER = "BrokerDealerMSP"
    BANK = "BankMSP"
    ISSUER = "IssuerMSP"
    REGULATOR = "RegulatorMSP"
