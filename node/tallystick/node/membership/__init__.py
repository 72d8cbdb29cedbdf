"""Who is who: certificates, identities, the MSPs that vouch for them, and making new ones.

An MSP (membership service provider) is one organisation's answer to "whom do we let speak for
us?": its certificate authorities, its revocations and the roles it hands out. Whether a certificate
has expired is none of its business; `Identity.not_after_ns` lets the caller decide.

Source: wire.md §2, §14.
"""
