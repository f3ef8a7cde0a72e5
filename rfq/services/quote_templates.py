"""Templates of quotes and company introductions, shared by a shop's members (RFQ-25)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from portal import platform_time
from portal.errors import InvalidInput, Refusal
from portal.models import Member
from rfq.models import QuoteTemplate
from rfq.quotes.content import clean_elements, clean_template
from rfq.services.roles import may_quote

MOST_TEMPLATES = 200
NAME_LENGTH = 80


def template_save(
    *,
    member: Member,
    name: str,
    content: Mapping[str, Any] | None = None,
    elements: Mapping[str, Any] | None = None,
    template: QuoteTemplate | None = None,
) -> QuoteTemplate:
    """Make a template, or replace what one says.

    `content` holds the terms and the wording, `elements` the company introduction; one of them must
    say something. Raises `InvalidInput` for a missing, long or taken name and for an empty template,
    `Refusal` `too_many_templates` from `MOST_TEMPLATES` on.
    """
    may_quote(member)
    name = " ".join(name.replace("\0", "").split())
    kept, introduction = clean_template(content or {}), clean_elements(elements or {})
    problems = []
    if not name:
        problems.append(("name", _("Give the template a name.")))
    elif len(name) > NAME_LENGTH:
        problems.append(("name", _("At most %(count)d characters.") % {"count": NAME_LENGTH}))
    if not introduction and not (set(kept) - {"currency"}):
        problems.append(("message", _("Write something the template can repeat.")))
    if problems:
        raise InvalidInput(problems)
    row = template or QuoteTemplate(seller=member.seller)
    if template is None and QuoteTemplate.objects.count() >= MOST_TEMPLATES:
        raise Refusal(
            "too_many_templates",
            _("A shop keeps at most %(count)d templates: delete one first.")
            % {"count": MOST_TEMPLATES},
        )
    row.name, row.content, row.elements = name, kept, introduction
    row.changed_at = platform_time.now()
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        taken = _("There is a template of this name already.")
        raise InvalidInput([("name", taken)]) from None
    return row


def template_delete(*, member: Member, template: QuoteTemplate) -> None:
    """Delete a template; quotes made from it stay as they are."""
    may_quote(member)
    QuoteTemplate.objects.filter(pk=template.pk).delete()
