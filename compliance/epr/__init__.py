"""What products need where, what covers it, and what a shop sees of that (EPR-1, EPR-11, EPR-12)."""
