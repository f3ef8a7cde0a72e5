"""Typed content of the rulebooks of `compliance`; importing a module here registers it (K-16)."""

from compliance.admissions import schema as admission_schema
from compliance.epr import schema as epr_schema
from compliance.obligations import services_schema as service_schema
from compliance.penalties import schema as violation_schema

__all__ = ["admission_schema", "epr_schema", "service_schema", "violation_schema"]
