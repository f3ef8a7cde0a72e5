"""Typed content of the rulebooks of `compliance` (K-16); one schema file per module, all imported here."""

from compliance.epr_schema import EPR, EprRules
from compliance.violations_schema import VIOLATIONS, ViolationRules

__all__ = ["EPR", "VIOLATIONS", "EprRules", "ViolationRules"]
