"""The primary market: offerings, and subscriptions from the order to the issue of units."""
