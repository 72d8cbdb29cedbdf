"""Arguments, results and stored state of the ``_lifecycle`` system chaincode."""
