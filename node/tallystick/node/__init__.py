"""The node: everything a consortium member runs, from membership to the command line."""
