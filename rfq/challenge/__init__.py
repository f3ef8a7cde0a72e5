"""The GMV challenge: months, what counts, what is still missing (RFQ-23)."""
