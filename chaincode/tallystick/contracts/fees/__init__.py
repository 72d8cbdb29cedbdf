"""Fees: what venues take for trades, intermediaries for subscriptions, as all can read before."""
