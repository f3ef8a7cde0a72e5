"""Typed content of the rulebooks of `compliance` (K-16); one schema file per module, all imported here."""

from compliance.admissions_schema import ADMISSIONS, AdmissionRules
from compliance.epr_schema import EPR, EprRules
from compliance.services_schema import SERVICES, ServiceRules
from compliance.violations_schema import VIOLATIONS, ViolationRules

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
