"""The staff form of a task pack: audience, tasks and rewards as JSON, judged by the service (GRO-6)."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from growth.models import Pack
from growth.packs.schema import clean_pack
from growth.services.pack_writing import pack_said


class ListJsonField(forms.JSONField):
    """A JSON list by lines, with its mistakes by line and column."""

    def __init__(self, *, rows: int, **kwargs: Any) -> None:
        widget = forms.Textarea(
            attrs={"rows": rows, "class": "vLargeTextField", "spellcheck": "false"}
        )
        super().__init__(required=False, widget=widget, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Show a list by lines, an empty one as nothing."""
        if value is None or value == []:
            return ""
        if isinstance(value, list):
            return json.dumps(value, indent=2, ensure_ascii=False)
        return super().prepare_value(value)

    def to_python(self, value: Any) -> Any:
        """Return the list, or say where it is not one."""
        if isinstance(value, list):
            return value
        text = (value or "").strip()
        try:
            found = json.loads(text) if text else []
        except json.JSONDecodeError as error:
            raise forms.ValidationError(
                _("Not JSON: %(problem)s in line %(line)d, column %(column)d.")
                % {"problem": error.msg, "line": error.lineno, "column": error.colno}
            ) from None
        except RecursionError:
            raise forms.ValidationError(_("Not JSON that can be read.")) from None
        if not isinstance(found, list):
            raise forms.ValidationError(_("Write a list: [ … ]."))
        return found

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare lists, not their spelling."""
        try:
            return (initial or []) != self.to_python(data)
        except forms.ValidationError:
            return True


class PackForm(forms.ModelForm):
    """What staff write; `growth.services.pack_writing` judges what may still change."""

    audience = ListJsonField(
        rows=6,
        label=gettext_lazy("Audience"),
        help_text=gettext_lazy(
            "Conditions that must all hold; none concerns everybody: "
            '[{"field": "membership", "op": "eq", "value": "verified"}].'
        ),
    )
    tasks = ListJsonField(
        rows=16,
        label=gettext_lazy("Tasks"),
        help_text=gettext_lazy(
            "All are needed. Each has key, metric, op, value; and title_en, title_zh, guide_en, "
            "guide_zh, page (a name such as rfq:market)."
        ),
    )
    rewards = ListJsonField(
        rows=12,
        label=gettext_lazy("Rewards"),
        help_text=gettext_lazy(
            "Each has kind (tool_coupon, showcase_slots, programme_place), key, title_en, title_zh; "
            "choices (code, name_en, name_zh, url), amount, programme, valid_months, usable_months."
        ),
    )

    class Meta:
        model = Pack
        fields = (
            "code", "title_en", "title_zh", "rules_en", "rules_zh", "edition", "audience",
            "opens_on", "closes_on", "frozen_on", "quota", "published",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pack: Pack | None = kwargs.get("instance")
        if pack is not None and pack.pk:
            said = pack_said(pack)
            own = {"tasks": said["tasks"], "rewards": said["rewards"]}
            kwargs["initial"] = {**own, **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)
        self.problems: dict[str, list[str]] = {}
        self.judged: dict[str, Any] = {}
        """The pack as it would be stored, after a valid form."""

    def clean(self) -> dict[str, Any]:
        """Name every mistake at once, each at its field, also where another field is wrong."""
        given = super().clean() or {}
        judged, problems = clean_pack({"code": self.instance.code, **given})
        for field, text in problems:
            if field in self.fields and field not in self.errors:
                self.problems.setdefault(field, []).append(text)
        for field, texts in self.problems.items():
            self.add_error(field, texts)
        self.judged = judged
        return given

    def _get_validation_exclusions(self) -> set[str]:
        """Leave the order of days to the service, which names the field."""
        left_out: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return left_out | {"opens_on", "closes_on", "frozen_on"}
