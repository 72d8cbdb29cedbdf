"""Corporate actions: announced, confirmed, and carried out for those who hold at a record date."""
