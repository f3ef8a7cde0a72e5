"""What a shop hands in, as it comes from a form or as JSON (GRO-17)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from growth.services.enrolments import Application
from portal.errors import InvalidInput

ANSWER, FILE, DOCUMENTS = "answers.", "files.", "documents"
"""Names of a form's fields, or their beginnings: the key of the question or option follows. Problems name them so."""
TICKED = ("on", "true", "1", "yes")
_LARGEST = 2**63 - 1


def application_of_form(post: QueryDict, files: MultiValueDict) -> Application:
    """Return what a form says: `route`, `agreement`, `terms`, `documents`, `answers.<key>`, `files.<key>`."""
    return Application(
        route=post.get("route", ""),
        agreement=str(post.get("agreement", "")).casefold() in TICKED,
        terms=post.get("terms"),
        answers={
            name.removeprefix(ANSWER): str(post[name]) for name in post if name.startswith(ANSWER)
        },
        certificates=_numbers(post.getlist(DOCUMENTS)),
        files={
            name.removeprefix(FILE): files.getlist(name) for name in files if name.startswith(FILE)
        },
    )


def application_of_json(data: Any) -> Application:
    """Return what a JSON object says: `route`, `agreement`, `terms`, `answers`, `documents` (numbers).

    Raises `InvalidInput` naming what has the wrong shape.
    """
    if not isinstance(data, Mapping):
        raise InvalidInput([("", _("Send an object."))])
    answers = data.get("answers") or {}
    if not isinstance(answers, Mapping):
        raise InvalidInput([("answers", _("Send an object: key of the question → answer."))])
    documents = data.get("documents") or []
    if not isinstance(documents, list):
        raise InvalidInput([("documents", _("Send a list of the numbers of certificates."))])
    agreement = data.get("agreement", False)
    if not isinstance(agreement, bool):
        raise InvalidInput([("agreement", _("Send true or false."))])
    terms = data.get("terms")
    return Application(
        route=str(data.get("route") or ""),
        agreement=agreement,
        terms=None if terms is None else str(terms),
        answers={str(key): value for key, value in answers.items() if value is not None},
        certificates=_numbers(documents),
    )


def _numbers(given: list[Any]) -> list[int]:
    """Return primary keys; raises `InvalidInput` for what cannot be one."""
    numbers = []
    for one in given:
        text = str(one)
        if isinstance(one, (bool, float)) or not text.isascii() or not text.isdigit():
            raise InvalidInput([("documents", _("There is no such certificate."))])
        number = int(text) if len(text) < 20 else _LARGEST + 1
        if number > _LARGEST:
            raise InvalidInput([("documents", _("There is no such certificate."))])
        numbers.append(number)
    return numbers
