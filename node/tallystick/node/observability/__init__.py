"""What a node shows of itself: ``logs`` for what happened, ``health`` for whether it works."""
