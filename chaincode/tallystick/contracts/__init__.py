"""The product: who may hold securities, who does hold them, the money, and the exchange of the two.

Four contracts, each deployed as a chaincode of its own name: ``identity``, ``token``, ``cash``,
``settlement``. In each package, ``contract`` is what callers see, ``rules`` decides without
touching state, and ``models`` are the rows and arguments. What they share lies beside them: the
table of reasons, the events, the statements that people sign, and the book, the one place where
quantities change.
"""
