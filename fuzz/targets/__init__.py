"""All targets, by area."""
