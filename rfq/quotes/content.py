"""What is typed into the quote form, as drafts and templates keep it: plain texts by field (RFQ-6).

Nothing here is checked beyond size: a draft may hold half a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from rfq.quotes.self_check import ELEMENTS

TEXT_FIELDS = {
    "unit_price": 40,
    "currency": 3,
    "moq": 20,
    "lead_time_days": 20,
    "ship_from": 80,
    "valid_until": 10,
    "message": 8000,
    "products": 2000,
}
"""Field → most characters kept."""
FLAGS = ("sample_offered", "pin")
MOST_FILES = 10
TOKEN_LENGTH = 40
TEMPLATE_FIELDS = ("currency", "moq", "lead_time_days", "ship_from", "sample_offered", "message")
"""What a template repeats besides `valid_days`; a price is of one RFQ only."""
ELEMENT_LENGTH = 300
# The introduction goes to a buyer abroad, so it is English whatever language the seller reads.
_ELEMENT_HEADS = {
    "years": "Years in production",
    "output": "Yearly output",
    "capacity": "Production capacity",
    "customization": "Customization",
    "brands": "Brands served",
    "certificates": "Certificates",
}


def clean_content(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a draft keeps of raw values: known fields, bounded, without NUL characters."""
    content: dict[str, Any] = {}
    for name, most in TEXT_FIELDS.items():
        text = _text(raw.get(name))[:most]
        if text.strip():
            content[name] = text
    content |= {name: True for name in FLAGS if raw.get(name)}
    files = raw.get("files")
    if isinstance(files, (list, tuple)):
        tokens = [_text(token)[:TOKEN_LENGTH] for token in files if token]
        if tokens:
            content["files"] = list(dict.fromkeys(tokens))[:MOST_FILES]
    return content


def clean_template(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a template keeps of raw values."""
    content = clean_content(raw)
    kept = {name: content[name] for name in TEMPLATE_FIELDS if name in content}
    days = _text(raw.get("valid_days")).strip()
    if days.isdecimal() and 1 <= int(days[:4]) <= 365:
        kept["valid_days"] = int(days[:4])
    return kept


def clean_elements(raw: Mapping[str, Any]) -> dict[str, str]:
    """Return the elements of a company introduction that say something."""
    texts = {key: " ".join(_text(raw.get(key)).split())[:ELEMENT_LENGTH] for key in ELEMENTS}
    return {key: text for key, text in texts.items() if text}


def _text(value: Any) -> str:
    if value is None or isinstance(value, (dict, list)):
        return ""
    return str(value).replace("\0", "")


def introduction_text(elements: Mapping[str, str]) -> str:
    """Return a company introduction as lines of a message; empty without elements."""
    return "\n".join(
        f"{_ELEMENT_HEADS[key]}: {elements[key]}" for key in ELEMENTS if key in elements
    )


def with_template(
    content: Mapping[str, Any], template: Mapping[str, Any], elements: Mapping[str, str], day: date
) -> dict[str, Any]:
    """Return what was typed, completed by a template: nothing typed is lost or replaced.

    Empty fields take the template's value; its wording and introduction go below the message,
    unless they are in it already. `day` is the Pacific day the validity counts from.
    """
    merged = dict(content)
    for name in TEMPLATE_FIELDS:
        if name != "message" and not merged.get(name) and template.get(name):
            merged[name] = template[name]
    if not merged.get("valid_until") and template.get("valid_days"):
        merged["valid_until"] = (day + timedelta(days=int(template["valid_days"]))).isoformat()
    parts = [str(merged.get("message", "")).strip()]
    for text in (str(template.get("message", "")).strip(), introduction_text(elements)):
        if text and text not in parts[0]:
            parts.append(text)
    merged["message"] = "\n\n".join(part for part in parts if part)
    return merged
