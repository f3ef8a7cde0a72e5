"""Quotes: what one says, the form, the shop's own quotes and what became of them (RFQ-6, RFQ-7, RFQ-12, RFQ-25)."""
