"""What a registration obliges to, how long one takes, and who registers for a fee (EPR-9, EPR-10)."""
