"""Programmes and enrolments (GRO-17, GRO-18)."""
