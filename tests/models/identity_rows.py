"""What the rows of the identity contract are, by their kinds."""

from tallystick.contracts.accounts.models import Account, Challenge, Links
from tallystick.contracts.claims.models import BarredList, SubjectClaims, Topic
from tallystick.contracts.identities.models import (
    Access,
    AccessGrant,
    Identity,
    IdentityKey,
    Mandate,
)
from tallystick.contracts.licensing.models import Conflicts, LicenceClass, Organization, Waiver
from tallystick.contracts.models import Model

MODELS: dict[str, type[Model] | None] = {
    "class": LicenceClass,
    "organization": Organization,
    "conflicts": Conflicts,
    "waiver": Waiver,
    "identity": Identity,
    "key": IdentityKey,
    "key-owner": None,
    "topic": Topic,
    "claims": SubjectClaims,
    "barred-list": BarredList,
    "mandate": Mandate,
    "grant": AccessGrant,
    "access": Access,
    "challenge": Challenge,
    "account": Account,
    "links": Links,
}
"""What each kind of row is; None is text. Kinds that no event tells of are left out."""
LEFT_OUT = {"nonce"}
