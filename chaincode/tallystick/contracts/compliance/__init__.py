"""Whether units may move: rules on the facts of a case. Pure: nothing here touches state."""
