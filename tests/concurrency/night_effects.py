"""Everything a database holds besides the night's ledger, as sorted lines without primary keys.

Two nights had the same effects when these lines are equal: grants, ledger rows, notices, mails,
enrolments, claims, rewards, audit rows, and every table somebody adds later. A row that another points at
is named by its unique columns, or by all of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from auditlog.models import LogEntry
from django.apps import apps
from django.db import models

from portal.models import (
    DemoClock,
    IngestBatch,
    JobRun,
    NightRun,
    Notice,
    Rulebook,
    ShardRun,
    StoredFile,
    User,
)
from portal.models.standings import Standing
from portal.nightly.export import canonical_json
from portal.scoping import unscoped

APPS = ("portal", "listings", "rfq", "compliance", "growth")
LEFT_OUT = (DemoClock, IngestBatch, JobRun, NightRun, ShardRun, StoredFile)
"""The ledgers of work itself, by the wall clock, and files with random names."""
TECHNICAL: Mapping[type[models.Model], tuple[str, ...]] = {
    # By the wall clock, and how often a mail was tried; that it was sent is compared.
    Notice: ("mail_attempts", "mail_due_at", "mailed_at"),
    User: ("password", "date_joined", "last_login"),
    LogEntry: ("object_pk", "object_id", "cid"),
}
OF_ONE_DATABASE: Mapping[type[models.Model], tuple[str, ...]] = {
    Notice: ("key", "link"),
    LogEntry: ("object_repr",),
    Rulebook: ("published_at",),
}
"""Fields with primary keys in their texts, or when a migration ran: equal in copies, not between two."""


def effect_lines(*, portable: bool = False) -> Iterator[str]:
    """Yield every row as a canonical line, sorted; equal rows as often as there are.

    `portable` leaves out what names primary keys, and the history of standings, which catching up in
    another order may cut differently: for comparing two databases.
    """
    with unscoped():
        yield from sorted(_Dump(portable).lines())


def dumped_models() -> list[type[models.Model]]:
    """Return the models whose rows are effects."""
    own = [model for model in apps.get_models() if model._meta.app_label in APPS]
    return [*(model for model in own if model not in LEFT_OUT), LogEntry]


class _Dump:
    def __init__(self, portable: bool) -> None:
        self.portable = portable
        self.names: dict[type[models.Model], dict[Any, Any]] = {}

    def lines(self) -> Iterator[str]:
        for model in dumped_models():
            if self.portable and issubclass(model, Standing):
                continue
            left_out = {*TECHNICAL.get(model, ()), model._meta.pk.name}
            if self.portable:
                left_out |= {*OF_ONE_DATABASE.get(model, ())}
            fields = [field for field in _fields(model) if field.name not in left_out]
            for row in _rows(model):
                content = {field.name: self.value(field, row[field.attname]) for field in fields}
                yield canonical_json(
                    {"row of": model._meta.label, **_without_clock(model, content)}
                )

    def value(self, field: models.Field[Any, Any], value: Any) -> Any:
        """Return a field's value; a foreign key as the name of its row."""
        if field.remote_field is None or value is None:
            return value.isoformat() if isinstance(value, datetime) else value
        target = field.remote_field.model
        return self.names_of(target).get(value, value) if target in _named() else str(value)

    def names_of(self, model: type[models.Model]) -> dict[Any, Any]:
        """Return primary key → name of the rows of a model."""
        if model not in self.names:
            found = self.names[model] = {}
            fields = _naming(model)
            for row in _rows(model):
                found[row[model._meta.pk.attname]] = [
                    self.value(field, row[field.attname]) for field in fields
                ]
        return self.names[model]


def _named() -> set[type[models.Model]]:
    return {model for model in apps.get_models() if model._meta.app_label in APPS}


def _fields(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    return [field for field in model._meta.concrete_fields if not _is_array(field)]


def _is_array(field: models.Field[Any, Any]) -> bool:
    """Tell whether a column exists in one dialect only: the hashes that themes are matched by."""
    return field.get_internal_type() == "BinaryField"


def _naming(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    """Return the fields that name a row: a unique one, else those unique together, else its own."""
    fields = [field for field in _fields(model) if not field.primary_key]
    unique = [field for field in fields if field.unique and field.remote_field is None]
    if unique:
        return unique[:1]
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint) and constraint.condition is None:
            wanted = set(constraint.fields)
            together = [field for field in fields if field.name in wanted]
            if together and all(field.related_model is not model for field in together):
                return together
    technical = TECHNICAL.get(model, ())
    return [
        field
        for field in fields
        if field.name not in technical and field.related_model is not model
    ]


def _rows(model: type[models.Model]) -> Iterator[dict[str, Any]]:
    names = [model._meta.pk.attname, *(field.attname for field in _fields(model))]
    return model._default_manager.order_by("pk").values(*names).iterator()


def _without_clock(model: type[models.Model], content: dict[str, Any]) -> dict[str, Any]:
    """Take the wall clock out of an audit row's details."""
    if model is LogEntry and content["additional_data"]:
        details = dict(content["additional_data"])
        details.pop("at_wall_clock", None)
        return {**content, "additional_data": details}
    return content
