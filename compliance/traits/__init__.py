"""What products are made of, as asked and as shown (EPR-2)."""
