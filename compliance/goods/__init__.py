"""Restricted goods: lists of terms, protected marks, chemicals; terms are found by `matching` (CMP-1 … CMP-5)."""
