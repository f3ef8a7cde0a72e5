"""The service score: its rules, what a shop sees of it, what new rules change (RFQ-13 … RFQ-22)."""
