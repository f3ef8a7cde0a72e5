"""Pages reading from a streaming replica, for real: what docs/scaling.md promises."""
