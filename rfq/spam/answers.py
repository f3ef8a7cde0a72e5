"""Ready answers to spam reports, in both languages of the portal: reporters read either (RFQ-24)."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class ReadyAnswer:
    """A text staff can send as it is; `label` names it in the list they choose from."""

    key: str
    upheld: bool
    label: Promise
    english: str
    chinese: str

    @property
    def text(self) -> str:
        """What the reporter gets: one language below the other."""
        return f"{self.english}\n{self.chinese}"


READY_ANSWERS = (
    ReadyAnswer(
        "removed",
        True,
        _("Removed, thank you"),
        "Thank you. Your evidence shows that this is no real request. It has been removed from the"
        " market, and every right used on it has been given back.",
        "感谢举报。经核实，该采购需求不真实，已从商机市场下架，已使用的权益已全部返还。",
    ),
    ReadyAnswer(
        "removed_buyer",
        True,
        _("Removed, the buyer is being looked into"),
        "Thank you. The request has been removed and every right used on it given back. We are"
        " looking into the buyer's other requests.",
        "感谢举报。该采购需求已下架，已使用的权益已全部返还。我们正在核查该买家的其他采购需求。",
    ),
    ReadyAnswer(
        "unclear",
        False,
        _("Unclear or thin, but no spam"),
        "The request is short of details, but nothing shows that it is not meant seriously. Ask the"
        " buyer for what is missing in your quote, or pass it over.",
        "该采购需求信息不够完整，但没有证据表明其不真实。您可在报价中向买家询问缺少的信息，或选择不报价。",
    ),
    ReadyAnswer(
        "evidence",
        False,
        _("The evidence does not show it"),
        "The images do not show what you describe. If you have others, for example of the page behind"
        " the link or of your whole chat, report it again with them.",
        "您提供的图片不足以证明所述情况。如有其他证据（如链接页面或完整聊天记录的截图），请补充后重新举报。",
    ),
    ReadyAnswer(
        "genuine",
        False,
        _("The buyer is genuine"),
        "We have asked the buyer and checked its record: the request is genuine.",
        "我们已联系买家并核查其记录：该采购需求真实有效。",
    ),
)


def answers_for(upheld: bool) -> list[ReadyAnswer]:
    """Return the answers that suit a decision."""
    return [one for one in READY_ANSWERS if one.upheld == upheld]
