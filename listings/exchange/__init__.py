"""Products as files: one table of columns for templates, exports and imports (LST-2)."""
