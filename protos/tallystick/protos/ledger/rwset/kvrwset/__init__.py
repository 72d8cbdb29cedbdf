"""Read/write sets of one namespace: keys, versions and range queries."""
