"""Application configuration of the kernel."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class PortalConfig(AppConfig):
    """The `portal` app: sellers, facts, rulebooks, nights, notices."""

    name = "portal"
    verbose_name = _("Portal")

    def ready(self) -> None:
        """Let every app bring its rules, navigation and next actions; guard the audit trail."""
        from portal import (  # noqa: F401  some register themselves
            after_migrate,
            checks,
            choice_labels,
            lookups,
            sqlite_limits,
            web_security,
        )
        from portal.ingest import kinds as ingest_kinds
        from portal.nightly import checks as night_checks  # noqa: F401
        from portal.nightly import registry
        from portal.observability import register_collector
        from portal.services.audit_guard import connect_model_guard

        autodiscover_modules("rulebook_schemas", "rules", "navigation", "next_actions")
        autodiscover_modules("home_tiles", "rule_changes", "rule_impacts")
        autodiscover_modules("closed_shops")
        autodiscover_modules(
            "audience_fields", "kernel_actions", "product_links", "own_categories", "built_in"
        )
        autodiscover_modules("product_panels", "file_purposes", "webhook_events")
        registry.discover()
        register_collector()
        ingest_kinds.discover()
        connect_model_guard()
        after_migrate.connect()
        sqlite_limits.connect()
        choice_labels.connect()
