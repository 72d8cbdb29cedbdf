"""Fees: what a venue takes for a trade or a subscription, as everybody can read beforehand."""
