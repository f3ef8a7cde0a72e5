"""How a shop compares with its peers (GRO-11)."""
