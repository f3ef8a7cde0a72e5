"""What the demo's people did about growth: packs claimed, programmes entered, labels chosen, an upgrade asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from growth.models import Enrolment, Pack, PackClaim, Programme, StrengthLabel, UpgradeRequest
from growth.services.enrolment_review import enrolment_decide
from growth.services.enrolments import Application, enrolment_apply
from growth.services.packs import pack_claim
from growth.services.strength_labels import strength_labels_choose
from growth.services.upgrade_requests import upgrade_request_make
from portal.demo.life import act
from portal.demo.people import OWNERS
from portal.errors import Refusal
from portal.models import Member, User
from portal.scoping import seller_scope, unscoped

CLAIMS = (
    (0, "company-strength-2022-11", "2022-11-03T18:10:00-07:00"),
    (0, "platform-resources-2022-11", "2022-11-03T18:12:00-07:00"),
    (2, "company-strength-2022-11", "2022-11-08T19:00:00-08:00"),
    (0, "company-strength-2022-12", "2022-12-05T17:30:00-08:00"),
    (5, "company-strength-2022-12", "2022-12-06T18:00:00-08:00"),
)
ENROLMENTS = (
    (0, "million_dollar_club", "2022-11-09T18:00:00-08:00"),
    (0, "first_order_discount", "2022-11-09T18:05:00-08:00"),
    (2, "first_order_discount", "2022-11-10T18:00:00-08:00"),
    (0, "december_2022", "2022-11-25T18:00:00-08:00"),
    (0, "guarantee_upgrade", "2022-11-28T18:00:00-08:00"),
    (0, "first_order_discount", "2022-12-08T18:00:00-08:00"),
    (0, "million_dollar_club", "2022-12-08T18:02:00-08:00"),
)
"""Number of the owner, what it is, when."""


def _owner(number: int) -> Member:
    with unscoped():
        return Member.objects.select_related("seller", "user").get(
            user__username=OWNERS[number], role="owner"
        )


def _willing(step: Callable[[], object]) -> None:
    """Do something that the rules may refuse: then it did not happen, as in life."""
    try:
        step()
    except Refusal:
        return


def claim(number: int, code: str) -> None:
    """Claim a pack, unless the shop has it."""
    member = _owner(number)
    pack = Pack.objects.get(code=code)
    with seller_scope(member.seller):
        if not PackClaim.objects.filter(pack=pack).exists():
            _willing(partial(pack_claim, member=member, pack=pack))


def enrol(number: int, code: str) -> None:
    """Enrol in a programme, unless the shop is in it."""
    member = _owner(number)
    programme = Programme.objects.get(code=code)
    with seller_scope(member.seller):
        _willing(
            partial(
                enrolment_apply,
                member=member,
                programme=programme,
                application=Application(agreement=True),
            )
        )


for _number, _code, _at in CLAIMS:
    act(_at)(partial(claim, _number, _code))
for _number, _code, _at in ENROLMENTS:
    act(_at)(partial(enrol, _number, _code))


@act("2022-11-29T01:00:00-08:00")
def admit_to_december() -> None:
    """Staff let the first shop into the venue of December."""
    with unscoped():
        waiting = Enrolment.objects.filter(
            programme__code="december_2022", state__in=("applied", "in_review")
        ).first()
        if waiting is not None:
            enrolment_decide(
                actor=User.objects.get(username="operator"), enrolment=waiting, approve=True
            )


@act("2022-06-28T18:00:00-07:00")
def choose_labels() -> None:
    """The first shop shows what it is good at."""
    member = _owner(0)
    with seller_scope(member.seller):
        if not StrengthLabel.objects.exists():
            strength_labels_choose(member=member, labels=["supply-chain", "drawings"])


@act("2022-12-13T17:00:00-08:00")
def ask_for_an_upgrade() -> None:
    """A basic shop wants to become verified."""
    member = _owner(1)
    with seller_scope(member.seller):
        if not UpgradeRequest.objects.exists():
            upgrade_request_make(
                member=member, contact="王军", phone="13800000000", wishes="请在下午联系"
            )
