"""Lists and the front page of the staff site: readable on phones, on the platform's clock (UI-1, UI-7)."""

from __future__ import annotations

import re
from datetime import date

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.safestring import SafeString

from portal import platform_time
from portal.choices import MailState, RulebookStatus
from portal.models import Category, IngestBatch, Notice, Rulebook, User
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
    specs = page.context["cl"].filter_specs
    spec = next(one for one in specs if getattr(one, "field_path", "") == "started_at")
    first, end = (bound.isoformat() for bound in spec.links[1][1].values())
    assert (first, end) == ("2022-12-15T08:00:00+00:00", "2022-12-16T08:00:00+00:00")


@pytest.mark.rule("K-15")
def test_batches_in_trouble_are_found_and_named_by_the_pacific_clock(
    staff_client: Client, clock: Clock
) -> None:
    clock("2022-12-15T22:30:00-08:00")
    made = {"kind": "buyers", "started_at": platform_time.now(), "finished_at": platform_time.now()}
    refused = IngestBatch.objects.create(**made, error="no such column")
    partly = IngestBatch.objects.create(**made, rejected=2)
    whole = IngestBatch.objects.create(**made)
    IngestBatch.objects.create(kind="buyers", started_at=platform_time.now())
    for chosen, batch in (("refused", refused), ("rejected", partly), ("whole", whole)):
        page = staff_client.get("/admin/portal/ingestbatch/", {"accepted": chosen})
        assert list(page.context["cl"].result_list) == [batch]
    page = staff_client.get(f"/admin/portal/ingestbatch/{refused.pk}/change/").content.decode()
    assert "<h1>buyers 2022-12-15 22:30</h1>" in page
    upload = "/admin/portal/ingestbatch/upload/?kind=buyers"
    assert f'href="{upload}"' in page
    assert staff_client.get(upload).context["form"]["kind"].value() == "buyers"


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
    [deed] = page.context["deeds"]
    assert (deed.kind, deed.name) == ("category", str(category))
    assert f'href="{deed.url}"' in body
    assert staff_client.get(deed.url).status_code == 200, (
        "what was done leads to what it was done to"
    )


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
