"""Private values between peers: handing them to members, and fetching what a member missed.

Fabric's peers gossip for this; ours ask each other directly, in requests that are signed and
checked against the MSPs of the channel and the members of the collection.
"""
