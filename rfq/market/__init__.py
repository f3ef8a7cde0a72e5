"""The market: who may quote what, searching it, what a row of it shows (RFQ-1 … RFQ-5, RFQ-8)."""
