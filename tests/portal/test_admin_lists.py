"""Lists and the front page of the staff site: readable on phones, on the platform's clock (UI-1, UI-7)."""

from __future__ import annotations

import re
from datetime import date

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.safestring import SafeString

from portal.choices import MailState, RulebookStatus
from portal.models import Category, Notice, Rulebook, User
from portal.services import audit
from portal.templatetags.admin_cells import named_cells
from tests.conftest import Clock
from tests.portal.test_admin_publishing import LABELS

pytestmark = [pytest.mark.rule("UI-7"), pytest.mark.django_db]


@pytest.mark.rule("UI-1")
def test_each_cell_of_a_list_says_its_column(staff_client: Client, category: Category) -> None:
    body = staff_client.get("/admin/portal/category/").content.decode()
    heads = re.findall(r'<div class="text">(.*?)</div>', body)
    row = body.split("<tbody>")[1].split("</tr>")[0]
    names = [re.sub(r"<[^>]+>", "", head) for head in heads]
    assert re.findall(r'data-label="([^"]+)"', row) == names
    assert len(names) > 3


def test_the_box_that_chooses_a_row_has_no_name_and_names_are_escaped() -> None:
    cells = [SafeString("<td>box</td>"), SafeString('<th class="field-a">A</th>')]
    heads = [{"text": "box", "class_attrib": ' class="action-checkbox-column"'}, {"text": 'a "b"'}]
    assert list(named_cells(cells, heads)) == [
        "<td>box</td>",
        '<th data-label="A &quot;b&quot;" class="field-a">A</th>',
    ]


@pytest.mark.rule("K-5")
def test_today_in_filters_and_beside_fields_is_the_platforms_day(
    staff_client: Client, clock: Clock, category: Category
) -> None:
    clock("2022-12-15T22:30:00-08:00")
    body = staff_client.get("/admin/portal/category/").content.decode()
    spans = re.findall(
        r"suspended_from__gte=([\d-]+)&amp;suspended_from__lt=([\d-]+)", body.replace("%20", " ")
    )
    assert spans == [
        ("2022-12-15", "2022-12-16"),
        ("2022-12-08", "2022-12-16"),
        ("2022-12-01", "2023-01-01"),
        ("2022-01-01", "2023-01-01"),
    ]
    assert '<meta name="platform-now" content="2022-12-15T22:30:00">' in body


@pytest.mark.rule("K-5")
def test_today_of_instants_begins_at_pacific_midnight(staff_client: Client, clock: Clock) -> None:
    clock("2022-12-15T22:30:00-08:00")
    page = staff_client.get("/admin/portal/ingestbatch/")
    spec = next(one for one in page.context["cl"].filter_specs if one.field_path == "started_at")
    first, end = (bound.isoformat() for bound in spec.links[1][1].values())
    assert (first, end) == ("2022-12-15T08:00:00+00:00", "2022-12-16T08:00:00+00:00")


def test_the_front_page_says_since_when_work_waits_and_what_one_did_last(
    staff: User, staff_client: Client, category: Category, clock: Clock
) -> None:
    for hour in (10, 9):
        clock(f"2022-08-03T{hour:02}:00:00-07:00")
        Notice.objects.create(
            user=staff, kind="bulletin_published", mail_state=MailState.FAILED, key=f"k{hour}"
        )
    audit.record(action="category.suspend", actor=staff, obj=category)
    page = staff_client.get("/admin/")
    first = page.context["queues"][0]
    assert (first["label"], first["count"]) == ("Mails that could not be sent", 2)
    body = page.content.decode()
    assert "Aug 3, 2022 09:00 Pacific" in body
    assert "category.suspend" in body


@pytest.mark.rule("K-16")
def test_a_draft_without_a_preview_of_its_impact_says_so(
    staff_client: Client, clock: Clock
) -> None:
    draft = Rulebook.objects.create(
        module=LABELS,
        version="next",
        effective_from=date(2022, 12, 1),
        status=RulebookStatus.DRAFT,
        content={"scheme": "labels", "labels": ["blue"]},
    )
    for page in ("change", "publish"):
        body = staff_client.get(reverse(f"admin:portal_rulebook_{page}", args=[draft.pk]))
        assert "not counted shop by shop" in body.content.decode()
