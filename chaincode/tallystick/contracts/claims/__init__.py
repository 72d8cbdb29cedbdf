"""What is attested about identities, by whom, and whose word counts."""
