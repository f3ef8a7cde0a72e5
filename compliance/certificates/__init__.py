"""What a certificate says: its types and fields, numbers, the form, what pages show (EPR-4, EPR-5)."""
