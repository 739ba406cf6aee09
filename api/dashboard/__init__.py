"""The page at `/`, and what it asks that no other subject answers."""
