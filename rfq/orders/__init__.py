"""Orders that came from RFQ (RFQ-16, RFQ-17)."""
