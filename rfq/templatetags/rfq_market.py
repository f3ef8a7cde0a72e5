"""What market pages write: grades and reasons."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString

from portal.errors import Refusal
from portal.templatetags.portal_ui import status_pill
from rfq.market.words import GRADE_TONES, REASONS
from rfq.models import Rfq

register = template.Library()


@register.simple_tag
def grade_pill(rfq: Rfq) -> SafeString:
    """Show the grade of an RFQ; the standard one says nothing."""
    tone = {str(grade): tone for grade, tone in GRADE_TONES.items()}.get(rfq.grade)
    if tone is None:
        return SafeString("")
    return status_pill(rfq.grade, rfq.get_grade_display(), tone)


@register.filter
def reason(refusal: Refusal) -> str:
    """Write why an RFQ cannot be quoted in two or three words."""
    return str(REASONS.get(refusal.code, refusal))
