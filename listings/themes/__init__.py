"""Targeted themes: their requirements, what meets them, what that brings (LST-3 … LST-9)."""
