"""Rights: what a shop has, until when, and where it came from (RFQ-9)."""
