"""Messages that a ledger reads, writes and stores."""
