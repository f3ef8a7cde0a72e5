"""What the portal tells people about: kinds of notice and their wording (K-18).

A notice stores its kind and typed parameters, never a finished text, so that each reader gets it in
the language and number formats of the moment it is read or mailed.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils import formats, translation
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal import platform_time
from portal.bilingual import reads_chinese
from portal.choices import NoticeAudience


@dataclass(frozen=True)
class NoticeKind:
    """One kind: `title` and `body` are lazy format strings such as `{theme} ends on {day}`."""

    code: str
    title: Promise
    body: Promise
    default_email: bool
    audience: NoticeAudience
    optional: bool = True
    """Whether a member may do without its e-mail."""

    @property
    def parameters(self) -> set[str]:
        """Names of the parameters the texts need."""
        with translation.override(None):
            texts = f"{self.title} {self.body}"
        return {name for _text, name, _spec, _conv in string.Formatter().parse(texts) if name}

    @property
    def label(self) -> str:
        """The kind's own name, for the preferences page."""
        return str(KIND_LABELS.get(self.code, self.code))


NOTICE_KINDS: dict[str, NoticeKind] = {}
KIND_LABELS: dict[str, Promise] = {}


def register_notice_kind(
    code: str,
    title: Promise,
    body: Promise,
    default_email: bool = True,
    audience: NoticeAudience = NoticeAudience.SELLER,
    *,
    label: Promise | None = None,
    optional: bool = True,
) -> NoticeKind:
    """Declare a kind of notice once, at import; `label` names it on the preferences page."""
    if code in NOTICE_KINDS:
        raise ValueError(f"notice kind {code!r} is declared twice")
    kind = NoticeKind(code, title, body, default_email, audience, optional)
    NOTICE_KINDS[code] = kind
    KIND_LABELS[code] = label or title
    return kind


# --- Parameters ---------------------------------------------------------------------------------


def encode_parameters(params: dict[str, Any]) -> dict[str, Any]:
    """Turn parameters into JSON that remembers what they are.

    Days, aware instants, numbers, texts, lazily translated texts and `{"en": …, "zh": …}` are understood.
    """
    return {name: _encode(value) for name, value in params.items()}


def _encode(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"instant": value.isoformat()}
    if isinstance(value, date):
        return {"day": value.isoformat()}
    if isinstance(value, Decimal):
        return {"number": str(value)}
    if isinstance(value, Promise):
        # English is the source language, so the English text is the message id.
        with translation.override("en"):
            return {"msgid": str(value)}
    if isinstance(value, bool) or not isinstance(value, (str, int, float, dict)):
        raise TypeError(f"a notice cannot carry {value!r}")
    return value


def decode_parameter(value: Any) -> str:
    """Return a stored parameter as text in the active language; instants in Pacific time."""
    match value:
        case {"instant": text}:
            local = platform_time.to_pacific(platform_time.parse_instant(text))
            return gettext("%(instant)s (Pacific)") % {
                "instant": formats.date_format(local, "DATETIME_FORMAT")
            }
        case {"day": text}:
            return formats.date_format(platform_time.parse_day(text), "DATE_FORMAT")
        case {"number": text}:
            return formats.number_format(Decimal(text), force_grouping=True)
        case {"msgid": text}:
            return gettext(text) if text else ""
        case {"en": english, **rest}:
            chinese = rest.get("zh")
            wants_chinese = reads_chinese()
            return str(chinese if wants_chinese and chinese else english)
        case int() | float():
            return formats.number_format(value, force_grouping=True)
    return str(value)


class _Lenient(dict[str, str]):
    """Parameters of an old row: what it lacks is shown as a dash instead of an error."""

    def __missing__(self, key: str) -> str:
        return "–"


def render(code: str, params: dict[str, Any]) -> tuple[str, str]:
    """Return title and body of a notice in the active language.

    Rows of a kind that no longer exists show its code.
    """
    kind = NOTICE_KINDS.get(code)
    if kind is None:
        return code, ""
    values = _Lenient({name: decode_parameter(value) for name, value in params.items()})
    return str(kind.title).format_map(values), str(kind.body).format_map(values)


# --- The kinds ----------------------------------------------------------------------------------
# Declared here even where the sender is another app, so that preferences and wording have one home.

register_notice_kind(
    "certificate_decided",
    _("Certificate {certificate}: {decision}"),
    _("The review of certificate {certificate} is done: {decision}. {reason}"),
    label=_("Certificate decided"),
)
register_notice_kind(
    "certificate_expiring",
    _("Certificate {certificate} expires on {day}"),
    _("Upload a newer one before {day}; days left: {days}. After it products lose this proof."),
    label=_("Certificate expiring"),
)
register_notice_kind(
    "declaration_due",
    # Translators: {registration} is country and category, {period} such as "August 2022"
    _("{registration}: declare {period} by {day}"),
    _("Registration number {number}. Days left: {days}. Tick it in the calendar when it is done."),
    label=_("EPR declaration due"),
)
register_notice_kind(
    "declaration_overdue",
    _("{registration}: the declaration of {period} is overdue"),
    _("Registration number {number}; it was due on {day}. If it is done, tick it in the calendar."),
    label=_("EPR declaration overdue"),
)
register_notice_kind(
    "epr_register_by",
    _("{registration}: register by {day}"),
    _(
        "Live products without a number: {products}. Registering takes up to {weeks} weeks; from "
        "{stops} on trade without the number is interrupted."
    ),
    label=_("EPR number missing"),
)
register_notice_kind(
    "service_answered",
    _("Your request “{service}”: {status}"),
    _("{answer}"),
    label=_("Registration service answered"),
)
register_notice_kind(
    "certificate_expired",
    _("Certificate {certificate} has expired"),
    _("Its last day was {day}. What it covered is not covered any more: upload a newer one."),
    label=_("Certificate expired"),
)
register_notice_kind(
    "review_taken_over",
    _("Review of {certificate} taken over"),
    _("{reviewer} continues the review; the claim of {before} was too old."),
    audience=NoticeAudience.STAFF,
    label=_("Review taken over"),
)
register_notice_kind(
    "reviews_overdue",
    _("Certificates waiting past their due time: {count}"),
    _("Sellers were promised a decision by then. The queue shows them first."),
    audience=NoticeAudience.STAFF,
    label=_("Reviews overdue"),
)
register_notice_kind(
    "pack_reward_granted",
    _("Reward granted: {reward}"),
    _("You completed the task pack {pack}. {reward} is yours."),
    label=_("Task pack reward granted"),
)
register_notice_kind(
    "pack_ending",
    _("Task pack {pack} ends on {day}"),
    _("{done} of {total} tasks are done. Days left: {days}."),
    label=_("Task pack ending"),
)
register_notice_kind(
    "pack_not_rewarded",
    _("Task pack {pack}: {outcome}"),
    _("The last day of {pack} has been counted: {outcome}. There is no reward this time."),
    label=_("Task pack without a reward"),
)
register_notice_kind(
    "reward_lapsing",
    _("{reward}: the last day is {day}"),
    _("Choose and use your reward of {pack} by then, or it lapses. Days left: {days}."),
    label=_("Reward about to lapse"),
)
register_notice_kind(
    "star_assessed",
    # Translators: 评定星等级
    _("Your assessed star: {star}"),
    _(
        "Assessed on {month} from the figures as of {day}. See what each power lacks to the next star."
    ),
    label=_("Star assessed"),
)
register_notice_kind(
    "star_awaits_core_tasks",
    _("Your star is not assessed yet: core tasks are open"),
    _(
        "On {month} your star stayed 0. Assessment starts once the four core tasks of the growth guide are "
        "done; the star page lists those that are open."
    ),
    label=_("Star waits for core tasks"),
)
register_notice_kind(
    "upgrade_answered",
    # Translators: 升级金品诚企会员
    _("Your request to become a Verified Supplier: {status}"),
    _("{answer}"),
    label=_("Membership upgrade answered"),
)
register_notice_kind(
    "enrolment_decided",
    # Translators: {decision} such as "Enrolled" or "Refused"
    _("{programme}: {decision}"),
    _("Your application for {programme} was decided: {decision}. {reason}"),
    label=_("Application for a programme decided"),
)
register_notice_kind(
    "enrolment_removed",
    _("Your shop is no longer in {programme}"),
    _("The enrolment was ended. {reason}"),
    label=_("Enrolment ended by the platform"),
)
register_notice_kind(
    "enrolment_step",
    _("{programme}: next step “{next}”"),
    _("Done so far: {step}. {reason}"),
    label=_("Next step of a programme"),
)
register_notice_kind(
    "enrolment_steps_done",
    # Translators: {step} such as "Live on the site"
    _("{programme}: {step}"),
    _("All steps are done. {reason}"),
    label=_("Last step of a programme done"),
)
register_notice_kind(
    "enrolment_ending",
    _("{programme} ends on {day}"),
    _("Days left: {days}. If it can be renewed, you can ask for it now, up to the last day."),
    label=_("Enrolment ending"),
)
register_notice_kind(
    "renewal_answered",
    # Translators: {decision} such as "Granted" or "Refused"
    _("Renewal of {programme}: {decision}"),
    _("Your enrolment holds until {until}. {reason}"),
    label=_("Renewal answered"),
)
register_notice_kind(
    "spam_report_answered",
    _("Your report on {rfq} was answered: {decision}"),
    _("We looked at the evidence: {decision}. {answer}"),
    label=_("Spam report answered"),
)
register_notice_kind(
    "rights_refunded",
    _("Rights given back for {rfq}: {amount}"),
    _("{rfq} was removed as spam. The rights used on it are yours again."),
    default_email=False,
    label=_("Rights given back"),
)
register_notice_kind(
    "offer_accepted",
    _("The buyer of {rfq} invites you"),
    _("Your unsolicited offer on “{title}” was accepted: you can quote now. {answer}"),
    label=_("Unsolicited offer accepted"),
)
register_notice_kind(
    "offer_declined",
    _("Your unsolicited offer on {rfq} was declined"),
    _("It was about “{title}”. {answer}"),
    label=_("Unsolicited offer declined"),
)
register_notice_kind(
    "search_found",
    _("New RFQs for “{search}”: {count}"),
    _("The newest: {newest}. Quick quotes are read first."),
    default_email=False,
    label=_("Saved search found RFQs"),
)
register_notice_kind(
    "violation_recorded",
    _("Violation recorded: {violation}"),
    _("Points: {points}. You can appeal until {deadline}."),
    label=_("Violation recorded"),
)
register_notice_kind(
    "appeal_decided",
    _("Appeal on {violation}: {decision}"),
    _("The appeal is decided: {decision}. {reason}"),
    label=_("Appeal decided"),
)
register_notice_kind(
    "violation_overturned",
    _("Penalty taken back: {violation}"),
    _("It counts no points any more and its effects have ended. {reason}"),
    label=_("Penalty taken back"),
)
register_notice_kind(
    "violation_lowered",
    _("Penalty lowered: {violation}"),
    _("An earlier violation of the rule was taken back. Points now: {points}."),
    label=_("Penalty lowered"),
)
register_notice_kind(
    "webhook_disabled",
    # Translators: Webhook 已停用：{url}
    _("A webhook was disabled: {url}"),
    _(
        "{reason}. Nothing is sent there any more. Once it works again, activate it and replay what it"
        " missed."
    ),
    # Translators: Webhook 已停用
    label=_("Webhook disabled"),
)
register_notice_kind(
    "shop_closed",
    _("Your shop was closed: {violation}"),
    _("Points: {points}. You can still sign in to see why, and appeal until {deadline}."),
    label=_("Shop closed"),
    optional=False,
)
register_notice_kind(
    "shop_reopened",
    _("Your shop is open again"),
    _("What had closed it was taken back. Points now: {points}."),
    label=_("Shop open again"),
    optional=False,
)
register_notice_kind(
    "mark_case_opened",
    _("Protected marks in your titles"),
    _(
        "Titles of your live products name marks that are protected: change them, prove your"
        " authorisation, or say why they are outside the protected scope."
    ),
    # Translators: 疑似侵权
    label=_("Suspected infringement of a mark"),
)
register_notice_kind(
    "mark_case_judged",
    _("“{mark}” in the title of {product}: {verdict}"),
    _("{judgement}"),
    label=_("Decision about a protected mark"),
)
register_notice_kind(
    "screening_hits",
    _("{rule_class}: {count} of your live products"),
    _("Their words fall under “{rule_class}”. Look at them and change what has to change."),
    label=_("Rules about words of products"),
)
register_notice_kind(
    "radar_deadline",
    _("{product} must be improved by {day}"),
    _("Problem: {problem}. Days left: {days}."),
    label=_("Product radar deadline"),
)
register_notice_kind(
    "quote_viewed",
    _("A buyer viewed your quote on {rfq}"),
    _("Viewed {at}. A quick follow-up helps."),
    default_email=False,
    label=_("Quote viewed"),
)
register_notice_kind(
    "quote_replied",
    _("A buyer replied to your quote on {rfq}"),
    _("Replied {at}. Answer while the buyer is still looking."),
    label=_("Quote replied"),
)
register_notice_kind(
    "follow_up_due",
    _("Follow-up due: {subject}"),
    _("You wanted to come back to {subject} by {deadline}."),
    label=_("Follow-up due"),
)
register_notice_kind(
    "entitlement_granted",
    # Translators: {rights} is a list such as "8 × Quote right, 5 × Pin right"
    _("Granted: {rights}"),
    _("Source: {source}. Use them by {expires}."),
    default_email=False,
    label=_("Rights granted"),
)
register_notice_kind(
    "entitlement_expiring",
    _("{rights}: the last day is {day}"),
    _("Unused rights are lost after {day}. Days left: {days}."),
    label=_("Rights expiring"),
)
register_notice_kind(
    "theme_ending",
    _("Theme {theme} ends on {day}"),
    _("Matched products of yours: {products}. Days left: {days}."),
    label=_("Theme with matched products ending"),
)
register_notice_kind(
    "matches_changed",
    _("Theme matches as of {day}: {gained} gained, {lost} lost"),
    _("The night compared your products with every theme in force. See which pairs changed."),
    default_email=False,
    label=_("Theme matches changed"),
)
register_notice_kind(
    "bulletin_published",
    _("Bulletin: {bulletin}"),
    _("The platform announced something that concerns your shop. In force from: {effective}."),
    label=_("Bulletin published"),
)
register_notice_kind(
    "question_answered",
    _("Your question on “{bulletin}” was answered"),
    _("{answer}"),
    label=_("Question answered"),
)
register_notice_kind(
    "member_invited",
    _("Welcome to the back office of {shop}"),
    _("You now work for {shop} as “{username}”. Choose a password to sign in."),
    label=_("Invitation"),
    optional=False,
)
register_notice_kind(
    "password_link",
    _("Choose a password"),
    _("Sign in as “{username}” with a password of your own. The link works once."),
    audience=NoticeAudience.STAFF,
    label=_("Link to choose a password"),
    optional=False,
)
register_notice_kind(
    "token_ending",
    # Translators: API 令牌
    _("An API token of yours ends on {day}"),
    _(
        "It begins with {start} and is refused from then on. Ask for a new one and put it in its place."
    ),
    label=_("API token ending"),
    optional=False,
)
register_notice_kind(
    "rights_mismatch",
    _("Grants of rights that the ledger does not explain: {count}"),
    _("The first one: {first}. Nothing was changed; look at its ledger rows."),
    audience=NoticeAudience.STAFF,
    label=_("Rights and ledger disagree"),
)
register_notice_kind(
    "night_failed",
    _("The night of {day} failed in {job}"),
    _("Failed shards: {shards}. Readers still see the last complete day."),
    audience=NoticeAudience.STAFF,
    label=_("Nightly run failed"),
)
