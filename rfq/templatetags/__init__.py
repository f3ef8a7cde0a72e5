"""Template tags of `rfq`."""
