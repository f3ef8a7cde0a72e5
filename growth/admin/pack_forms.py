"""The staff form of a task pack: audience, tasks and rewards as JSON, judged by the service (GRO-6)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from growth.models import Pack
from growth.packs.schema import clean_pack
from growth.services.pack_writing import pack_said
from portal.admin.json_fields import JsonListField


class PackForm(forms.ModelForm):
    """What staff write; `growth.services.pack_writing` judges what may still change."""

    audience = JsonListField(
        rows=6,
        label=gettext_lazy("Audience"),
        help_text=gettext_lazy(
            "Conditions that must all hold; none concerns everybody: "
            '[{"field": "membership", "op": "eq", "value": "verified"}].'
        ),
    )
    tasks = JsonListField(
        rows=16,
        label=gettext_lazy("Tasks"),
        help_text=gettext_lazy(
            "All are needed. Each has key, metric, op, value; and title_en, title_zh, guide_en, "
            "guide_zh, page (a name such as rfq:market)."
        ),
    )
    rewards = JsonListField(
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
