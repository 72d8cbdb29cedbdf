"""Messages of membership: serialized identities, MSP definitions and principals."""
