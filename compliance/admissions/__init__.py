"""Who is admitted to restricted goods, and which documents that takes (CRT-1, CMP-4)."""
