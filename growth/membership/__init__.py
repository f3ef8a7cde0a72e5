"""Rights of the membership, strength labels and buyers' cards (GRO-15, GRO-16)."""
