"""The whole API against its schema, with two full shops that must not see each other (API-1, API-2)."""
