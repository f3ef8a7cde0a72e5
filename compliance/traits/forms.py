"""The wizard's form: one question per category, answered yes or no (EPR-2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from compliance.epr.schema import EprRules
from compliance.traits.questions import Question, questions_of

YES, NO = "yes", "no"


@dataclass(frozen=True)
class Asked:
    """A question with the form's field for it."""

    question: Question
    field: Any


class TraitsForm(forms.Form):
    """What a product contains; every question must be answered.

    An unsent form is filled in from `known`, a mask that answers all questions, from `likely`, of which
    only the yeses are taken, or from `answers` that were tried and are judged later.
    """

    def __init__(
        self,
        data: Any = None,
        *,
        rules: EprRules,
        known: int | None = None,
        likely: int = 0,
        answers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(data)
        self.questions = questions_of(rules)
        for question in self.questions:
            bit, code = question.category.bit, question.category.value
            answer = YES if (known or likely) & bit else NO if known is not None else None
            self.fields[code] = forms.ChoiceField(
                label=str(question.words.question),
                choices=[(YES, _("Yes")), (NO, _("No"))],
                initial=answers.get(code) if answers is not None else answer,
                widget=forms.RadioSelect(attrs={"class": "form-check-input"}),
                error_messages={"required": _("Please answer.")},
            )

    def asked(self) -> Iterator[Asked]:
        """Yield the questions in order, each with its field."""
        for question in self.questions:
            yield Asked(question, self[question.category.value])

    def ticked(self) -> int:
        """Return the mask of what is answered yes so far, valid or not."""
        return sum(
            asked.question.category.bit for asked in self.asked() if asked.field.value() == YES
        )

    def answered(self) -> bool:
        """Tell whether every question has an answer, saved or not."""
        return all(asked.field.value() in (YES, NO) for asked in self.asked())
