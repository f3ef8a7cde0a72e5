"""The list of what to do next, as the home page draws it (UI-2).

A shop in trouble has thirty actions, and each would be a template of its own with a dozen conditions: drawn here
they cost a fifth (P-3).
"""

from __future__ import annotations

from collections.abc import Iterable

from django import template
from django.utils.functional import Promise
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from portal.next_actions import NextAction, Text
from portal.templatetags.portal_ui import countdown, icon, instant_short

register = template.Library()


@register.simple_tag
def action_bands(
    bands: Iterable[tuple[Text, Iterable[NextAction]]], lead: bool = False
) -> SafeString:
    """Draw actions under the names of their bands; with `lead` the very first button is the primary one."""
    words = {
        "stake": _escaped(_("At stake")),
        "gain": _escaped(_("Gain")),
        "go": _("Go"),
        "overdue": _("overdue"),
    }
    parts = []
    for name, actions in bands:
        parts.append(f'<h3 class="action-band">{_escaped(name)}</h3><ol class="actions">')
        for action in actions:
            parts.append(_item(action, words, "btn-primary" if lead else "btn-secondary"))
            lead = False
        parts.append("</ol>")
    return SafeString("".join(parts))  # every part is written here or escaped


def _item(action: NextAction, words: dict[str, str], button: str) -> str:
    title, gain, loses = _escaped(action.title), _escaped(action.gain), _escaped(action.loses)
    why = f"{loses} · {gain}" if loses and gain else loses or gain
    due = ""
    if action.due:
        due = countdown(action.due, words["overdue"])
        due += f'<span class="cell-sub">{instant_short(action.due)}</span>'
    return (
        f'<li class="action{" action-loses" if loses else ""}">'
        f'<span class="action-icon">{icon(action.icon)}</span>'
        f'<div class="action-text"><p class="action-title">{title}</p>'
        f'<p class="action-why"><span class="action-tag">{words["stake" if loses else "gain"]}</span> {why}</p>'
        f'</div><div class="action-due">{due}</div>'
        f'<a class="btn {button} btn-sm" href="{_escaped(action.url)}">{_escaped(action.button or words["go"])}'
        f'<span class="visually-hidden">: {title}</span></a></li>'
    )


def _escaped(text: Text) -> str:
    return conditional_escape(str(text) if isinstance(text, Promise) else text)
