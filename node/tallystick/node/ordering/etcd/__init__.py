"""Total order by an etcd cluster, for orderers of several organisations.

``keys`` and ``records`` say what is in etcd, ``retention`` how long. ``log`` reads and writes it
through the ``port``, which ``client`` implements; ``session`` keeps an orderer's lease, and
``chain`` leads, forwards, copies and keeps house.
"""
