"""What reviewers see and say: the queue, reasons, registers, figures (EPR-7, EPR-8)."""
