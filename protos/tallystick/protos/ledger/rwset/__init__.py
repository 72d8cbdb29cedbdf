"""Read/write sets as they travel: grouped by namespace and collection."""
