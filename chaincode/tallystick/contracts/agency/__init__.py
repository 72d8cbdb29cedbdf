"""Settlement agency: who settles for participants that are no settlement members themselves."""
