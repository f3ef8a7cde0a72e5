"""What a migrated database needs before the portal can serve: rules, groups, guards."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig, apps
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models.signals import post_migrate


def connect() -> None:
    """Run `prepare` once after every migration: when the last app has reported."""
    last = [config for config in apps.get_app_configs() if config.models_module is not None][-1]
    post_migrate.connect(prepare, sender=last, dispatch_uid="portal-after-migrate")


def prepare(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """Load shipped rulebooks and built-in data, create staff groups, guard the audit trail; safe to repeat.

    A migration that stops half-way leaves a schema this code does not fit; then nothing is done.
    """
    if using != DEFAULT_DB_ALIAS or (kwargs.get("plan") and _unapplied()):
        return
    from portal.built_in import built_in_load
    from portal.services.audit_guard import install_triggers
    from portal.services.shipped_rulebooks import rulebooks_load_shipped
    from portal.services.staff_groups import staff_groups_sync

    install_triggers()
    rulebooks_load_shipped()
    staff_groups_sync()
    built_in_load()


def _unapplied() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
