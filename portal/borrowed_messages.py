"""Strings of other packages that people see here and that have no, or no fitting, Chinese translation.

Nothing imports this module: it only shows the strings to `manage.py messages`, so that they get a place
in the kernel's catalogue, which comes before the packages' own. A test tells when a package no longer
has one of them.
"""

from django.utils.translation import gettext_noop, pgettext_lazy

ALLAUTH = [
    pgettext_lazy("field label", "Login"),
    gettext_noop("Username or email"),
    gettext_noop("Email Addresses"),
    gettext_noop("The following email addresses are associated with your account:"),
    gettext_noop("Re-send Verification"),
    gettext_noop("Add Email Address"),
    gettext_noop("Add Email"),
    gettext_noop("Two-Factor Authentication"),
]

AUDITLOG = [
    gettext_noop("Action"),
    gettext_noop("Audit log"),
    gettext_noop("Changes"),
    gettext_noop("Click to filter by records with this correlation id"),
    gettext_noop("Correlation ID"),
    gettext_noop("Created {repr:s}"),
    gettext_noop("Deleted {repr:s}"),
    gettext_noop("Updated {repr:s}"),
    gettext_noop("Field"),
    gettext_noop("From"),
    gettext_noop("To"),
    gettext_noop("User"),
    gettext_noop("Resource"),
    gettext_noop("Resource Type"),
    gettext_noop("access"),
    gettext_noop("create"),
    gettext_noop("delete"),
    gettext_noop("update"),
    gettext_noop("actor email"),
    gettext_noop("additional data"),
    gettext_noop("change message"),
    gettext_noop("content type"),
    gettext_noop("log entries"),
    gettext_noop("log entry"),
    gettext_noop("object id"),
    gettext_noop("object pk"),
    gettext_noop("object representation"),
    gettext_noop("remote address"),
    gettext_noop("remote port"),
    gettext_noop("timestamp"),
]

DJANGO_ADMIN = [
    gettext_noop("After you’ve created a user, you’ll be able to edit more user options."),
    gettext_noop("Model name"),
    gettext_noop("Add link"),
    gettext_noop("Change or view list link"),
]
