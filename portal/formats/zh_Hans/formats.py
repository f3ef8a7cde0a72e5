"""Chinese trade papers group digits by three, as everywhere else in the portal (UI-6)."""

THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
