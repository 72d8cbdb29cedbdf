"""Settlement discipline: what follows when a trade does not settle on its day."""
