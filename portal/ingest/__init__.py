"""Ingest: rows that upstream sends become facts (K-15). Start reading at `kinds`."""
