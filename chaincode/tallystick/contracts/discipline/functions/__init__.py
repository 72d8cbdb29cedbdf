"""Settlement discipline, as callers of the settlement contract see it."""
