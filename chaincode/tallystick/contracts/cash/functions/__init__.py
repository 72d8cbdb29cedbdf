"""The functions of the cash contract, part by part."""
