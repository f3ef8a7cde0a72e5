"""What the kernel itself finds worth doing next: bulletins, service, login days, late orders."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal import platform_time
from portal.addresses import reverse
from portal.models import LoginDay, Member, Order, Seller
from portal.next_actions import NextAction, register_next_actions
from portal.orders import OrderState, orders_in
from portal.prepared_reads import number_of, prepared, totals
from portal.services.bulletins import bulletins_for
from portal.templatetags.portal_ui import number_text

SERVICE_ENDING_DAYS = 60
LOGIN_WINDOW_DAYS, LOGIN_DAYS_ENOUGH = 30, 12
SHIP_SOON_DAYS = 3


@register_next_actions
def unread_bulletins(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """Read rule changes that concern the shop, before they are in force if possible (K-17)."""
    unread = [one for one in bulletins_for(seller=seller, member=member) if not one.is_read]
    if not unread:
        return
    ahead = [one.effective_on for one in unread if one.effective_on and one.effective_on > day]
    title, url = _("Read: %(title)s") % {"title": unread[0].title}, unread[0].get_absolute_url()
    if len(unread) > 1:
        number = {"n": number_text(len(unread))}
        title, url = _("Read %(n)s bulletins for your shop") % number, reverse("portal:bulletins")
    yield NextAction(
        title=title,
        url=url,
        gain=_("Know what changes before it counts") if ahead else _("Know what counts now"),
        due=platform_time.start_of(min(ahead)) if ahead else None,
        weight=55 if any(one.rulebook_id for one in unread) else 35,
        icon="megaphone",
        button=_("Read"),
    )


@register_next_actions
def service_ending(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """Renew before the paid service ends (K-6)."""
    ends = seller.service_ends_on
    if ends is None or not day <= ends <= day + timedelta(days=SERVICE_ENDING_DAYS):
        return
    yield NextAction(
        title=_("Renew your membership"),
        url=reverse("portal:shop"),
        loses=_("The shop and its products go offline when the service ends"),
        due=platform_time.end_of(ends),
        weight=90,
        icon="award",
        button=_("See the service"),
    )


@register_next_actions
def few_login_days(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """Come by more often: login days are a factor of scores (K-14)."""
    window = platform_time.last_days(LOGIN_WINDOW_DAYS, day)
    ((count,),) = _login_days(window.first, window.last)
    if count >= LOGIN_DAYS_ENOUGH:
        return
    yield NextAction(
        title=ngettext(
            "Sign in more often: %(n)s day in the last 30",
            "Sign in more often: %(n)s days in the last 30",
            count,
        )
        % {"n": count},
        url=reverse("portal:metric", args=["portal.login_days_30d"]),
        gain=_("Buyers are answered sooner, and %(n)s days show that the shop is looked after")
        % {"n": LOGIN_DAYS_ENOUGH},
        weight=20,
        icon="calendar-check",
        button=_("See the days"),
    )


@prepared
def _login_days(first: date, last: date) -> QuerySet[LoginDay, Any]:
    return number_of(LoginDay.objects.filter(day__gte=first, day__lte=last))


@register_next_actions
def orders_to_ship(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """Ship what is late, then what is due within days (K-13)."""
    now = platform_time.now()
    soon_is = day + timedelta(days=SHIP_SOON_DAYS)
    ((late, late_day, soon, next_day),) = _waiting(now, platform_time.day_of(now), soon_is)
    if late:
        yield NextAction(
            title=ngettext("Ship %(n)s late order", "Ship %(n)s late orders", late) % {"n": late},
            url=f"{reverse('portal:orders')}?state={OrderState.LATE}",
            loses=_("Every late day lowers the on-time rate and invites disputes"),
            due=platform_time.end_of(late_day),
            weight=95,
            icon="truck",
            button=_("See late orders"),
        )
    if soon:
        yield NextAction(
            title=ngettext(
                "Ship %(n)s order due within three days",
                "Ship %(n)s orders due within three days",
                soon,
            )
            % {"n": soon},
            url=f"{reverse('portal:orders')}?state={OrderState.TO_SHIP}",
            loses=_("On-time dispatch counts from the promised day"),
            due=platform_time.end_of(next_day),
            weight=80,
            icon="truck",
            button=_("See orders to ship"),
        )


@prepared
def _waiting(now: datetime, today: date, soon_is: date) -> QuerySet[Order, Any]:
    """Count the orders that are late, and those due soon, with the first day of each."""
    late = orders_in(OrderState.LATE, now, today)
    soon = orders_in(OrderState.TO_SHIP, now, today) & Q(ship_by__lte=soon_is)
    return totals(
        Order.objects.filter(fake=False, created_at__lte=now),
        late=Count("pk", filter=late),
        late_day=Min("ship_by", filter=late),
        soon=Count("pk", filter=soon),
        next_day=Min("ship_by", filter=soon),
    )
