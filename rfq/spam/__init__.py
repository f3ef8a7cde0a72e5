"""Spam reports (RFQ-24)."""
