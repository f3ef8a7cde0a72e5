"""What violations cost: ladders, points, names as strangers see them, what pages show (CMP-6 … CMP-8)."""
