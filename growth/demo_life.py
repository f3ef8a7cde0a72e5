"""What the demo's people did about growth: packs claimed, programmes entered, labels chosen, requests made.

Some of it waits for staff on the demo's first day, so that every queue has something to decide.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from itertools import pairwise
from typing import Any

from growth.models import (
    Enrolment,
    EnrolmentRenewal,
    Pack,
    PackClaim,
    Programme,
    StrengthLabel,
    UpgradeRequest,
)
from growth.services.affiliates import affiliate_save
from growth.services.enrolment_review import enrolment_decide, enrolment_take
from growth.services.enrolment_steps import enrolment_step, enrolment_step_finish
from growth.services.enrolments import Application, enrolment_apply
from growth.services.packs import pack_claim
from growth.services.programmes import programme_save
from growth.services.renewals import renewal_request
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
SHOWROOM = "vr_showroom_2022"
ENROLMENTS: tuple[tuple[int, str, str, dict[str, str]], ...] = (
    (0, SHOWROOM, "2021-12-20T18:00:00-08:00", {}),
    (15, SHOWROOM, "2022-01-17T18:00:00-08:00", {}),
    (0, "million_dollar_club", "2022-11-09T18:00:00-08:00", {}),
    (0, "first_order_discount", "2022-11-09T18:05:00-08:00", {}),
    (2, "first_order_discount", "2022-11-10T18:00:00-08:00", {}),
    (0, "december_2022", "2022-11-25T18:00:00-08:00", {}),
    (0, "guarantee_upgrade", "2022-11-28T18:00:00-08:00", {}),
    (0, "first_order_discount", "2022-12-08T18:00:00-08:00", {}),
    (0, "million_dollar_club", "2022-12-08T18:02:00-08:00", {}),
    # These wait for staff.
    (8, "machinery_remote_warranty", "2022-12-12T17:40:00-08:00", {}),
    (0, "campus_fairs_2022", "2022-12-12T18:20:00-08:00",
     {"fair": "guangzhou", "jobs": "外贸业务员 3 名，跨境运营 1 名"}),
    (2, "site_builder", "2022-12-13T18:05:00-08:00", {"plan": "built_for_you"}),
)  # fmt: skip
"""Number of the owner, what it is, when, what was answered."""
UPGRADES = (
    (6, "2022-12-06T18:00:00-08:00", "吴强", "13900000000", "想了解金品诚企的验厂流程"),
    (1, "2022-12-13T17:00:00-08:00", "王军", "13800000000", "请在下午联系"),
)
"""Number of the owner, when, whom to call and where, what else: the first is late by now."""
AFFILIATES: tuple[tuple[int, dict[str, Any]], ...] = (
    (2, {"name": "宁波卓磊电子厂", "shares": 60, "floor_area": 2600, "qc_staff": 6, "rd_staff": 9,
         "employees": 140}),
    (5, {"name": "苏州家居制造有限公司", "shares": 35, "concert_shares": 55, "floor_area": 4100,
         "qc_staff": 4, "rd_staff": 3, "employees": 90}),
)  # fmt: skip
"""Number of the owner, the second company: by shares, and by an agreement of 2021-09 on."""


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


def enrol(number: int, code: str, answers: dict[str, str]) -> None:
    """Enrol in a programme, unless the shop is in it."""
    member = _owner(number)
    programme = Programme.objects.get(code=code)
    with seller_scope(member.seller):
        _willing(
            partial(
                enrolment_apply,
                member=member,
                programme=programme,
                application=Application(agreement=True, answers=answers),
            )
        )


for _number, _code, _at in CLAIMS:
    act(_at)(partial(claim, _number, _code))
for _number, _code, _at, _answers in ENROLMENTS:
    act(_at)(partial(enrol, _number, _code, _answers))


def _staff(username: str = "operator") -> User:
    return User.objects.get(username=username)


@act("2021-11-24T19:00:00-08:00")
def write_a_showroom_round() -> None:
    """Staff copy the showroom of summer 2021 for shops that come later."""
    if Programme.objects.filter(code=SHOWROOM).exists():
        return
    first = Programme.objects.get(code="vr_showroom")
    content = deepcopy(first.content)
    content["windows"] = [{"opens_on": "2021-12-01", "closes_on": "2022-02-28"}]
    content["audience"] = content["audience"][:1]
    content["benefits"] = content["benefits"][1:]
    shot = {"by": "2022-03-31", "help": {"en": "Clear the place.", "zh": "清理场地。"}}
    content["steps"] = [
        {**step, **(shot if step["key"] == "shot" else {})}
        | ({"help": None} if step["key"] == "enrolled" else {})
        for step in content["steps"]
    ]
    programme_save(
        actor=_staff(),
        programme=Programme(
            code=SHOWROOM,
            kind=first.kind,
            title_en="3D/VR showroom, second round",
            title_zh="3D实景展厅（VR Showroom）第二期",
            content=content,
            position=first.position + 1,
        ),
    )


@act("2022-01-20T01:00:00-08:00")
def build_showrooms() -> None:
    """Staff grant the showrooms and shoot them; that of the first shop goes live."""
    with unscoped():
        rooms = Enrolment.objects.filter(programme__code=SHOWROOM)
        for enrolment in rooms.filter(state="applied"):
            enrolment_decide(actor=_staff(), enrolment=enrolment, approve=True)
        for enrolment in rooms.filter(state="active", step="enrolled"):
            enrolment_step_finish(actor=_staff(), enrolment=enrolment, step="shot")
        first = rooms.get(seller=_owner(0).seller)
        for done, step in pairwise(("shot", "configured", "submitted", "live")):
            if first.step == done:
                first = enrolment_step_finish(actor=_staff(), enrolment=first, step=step)


@act("2022-12-11T18:00:00-08:00")
def submit_a_showroom() -> None:
    """The other shop configures its showroom at last; staff are to look at it."""
    member = _owner(15)
    with seller_scope(member.seller):
        for room in Enrolment.objects.filter(programme__code=SHOWROOM, step="shot"):
            for step in ("configured", "submitted"):
                enrolment_step(member=member, enrolment=room, step=step)


@act("2022-12-09T18:00:00-08:00")
def ask_for_another_year() -> None:
    """The showroom of the first shop ends in January; its owner asks for the year it has paid for."""
    member = _owner(0)
    with seller_scope(member.seller):
        showroom = Enrolment.objects.filter(programme__code=SHOWROOM, state="active").first()
        if showroom is not None and not EnrolmentRenewal.objects.exists():
            _willing(
                partial(
                    renewal_request,
                    member=member,
                    enrolment=showroom,
                    note="购买金品2年，申请续期1年",
                )
            )


@act("2022-12-13T01:00:00-08:00")
def take_the_warranty_on() -> None:
    """Staff look at the application for the warranty."""
    with unscoped():
        waiting = Enrolment.objects.filter(
            programme__code="machinery_remote_warranty", state="applied"
        ).first()
        if waiting is not None:
            enrolment_take(actor=_staff(), enrolment=waiting)


@act("2022-11-20T01:00:00-08:00")
def note_second_companies() -> None:
    """Staff note what the certification company has found of combined companies."""
    for number, values in AFFILIATES:
        affiliate_save(actor=_staff(), seller=_owner(number).seller, values=values)


@act("2022-11-29T01:00:00-08:00")
def admit_to_december() -> None:
    """Staff let the first shop into the venue of December."""
    with unscoped():
        waiting = Enrolment.objects.filter(
            programme__code="december_2022", state__in=("applied", "in_review")
        ).first()
        if waiting is not None:
            enrolment_decide(actor=_staff(), enrolment=waiting, approve=True)


@act("2022-06-28T18:00:00-07:00")
def choose_labels() -> None:
    """The first shop shows what it is good at."""
    member = _owner(0)
    with seller_scope(member.seller):
        if not StrengthLabel.objects.exists():
            strength_labels_choose(member=member, labels=["supply-chain", "drawings"])


def ask_for_an_upgrade(number: int, contact: str, phone: str, wishes: str) -> None:
    """A basic shop wants to become verified."""
    member = _owner(number)
    with seller_scope(member.seller):
        if not UpgradeRequest.objects.exists():
            upgrade_request_make(member=member, contact=contact, phone=phone, wishes=wishes)


for _number, _at, _contact, _phone, _wishes in UPGRADES:
    act(_at)(partial(ask_for_an_upgrade, _number, _contact, _phone, _wishes))
