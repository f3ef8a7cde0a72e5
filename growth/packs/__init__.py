"""Task packs and their rewards (GRO-6 … GRO-10)."""
