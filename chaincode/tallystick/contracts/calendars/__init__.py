"""Settlement calendars: business days, cut-offs, and the day on which a trade is to settle."""
