"""How nodes reach one another: gRPC with TLS between processes, direct calls inside one.

``ports`` says what a node needs of another node, ``local`` and ``remote`` provide it, ``server``
puts services on the network, ``credentials`` and ``channels`` prepare TLS and connections.
"""
