"""The gateway: what a client talks to, so that it need not know peers, orderers or policies.

``layouts`` says which organisations can satisfy a policy, ``planner`` what one transaction needs,
``endorsers`` whom to ask, ``service`` answers the five methods, ``commit_notifier`` tells when a
transaction is committed and ``chaincode_events`` replays what it emitted.
"""
