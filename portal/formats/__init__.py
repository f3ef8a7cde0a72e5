"""Formats of numbers and dates where Django's own do not fit (settings.FORMAT_MODULE_PATH)."""
