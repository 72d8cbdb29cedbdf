"""Trades: what venues have matched, from the proposal to the exchange of units and money."""
