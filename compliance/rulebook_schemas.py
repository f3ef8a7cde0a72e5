"""Typed content of the rulebooks of `compliance` (K-16); one schema file per module, all imported here."""

from compliance.admissions.schema import ADMISSIONS, AdmissionRules
from compliance.epr.schema import EPR, EprRules
from compliance.obligations.services_schema import SERVICES, ServiceRules
from compliance.penalties.schema import VIOLATIONS, ViolationRules

__all__ = [
    "ADMISSIONS",
    "EPR",
    "SERVICES",
    "VIOLATIONS",
    "AdmissionRules",
    "EprRules",
    "ServiceRules",
    "ViolationRules",
]
