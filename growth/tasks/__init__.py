"""Tasks as rules on metrics, shared by guide, packs and stars (GRO-5)."""
