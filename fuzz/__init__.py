"""Fuzzing of every decoder that meets bytes from outside: `make fuzz`."""
