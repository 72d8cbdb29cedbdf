"""The net state changes of a block, in the form that the commit hash covers."""
