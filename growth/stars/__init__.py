"""Merchant star levels (GRO-12 … GRO-14)."""
