"""What is kept of templates depends on the language and the address alone, never on a person, a shop or a row (P-3)."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.conf import settings
from django.forms.renderers import DjangoTemplates
from django.template import Context, Template, engines
from django.template.loader import get_template
from django.test import Client, RequestFactory
from django.test.utils import override_script_prefix
from django.urls import reverse
from django.utils import translation
from django.utils.safestring import mark_safe

from listings.models import Product
from portal.form_renderer import FormRenderer
from portal.models import Member
from portal.template_folding import FoldedNode, fold

pytestmark = pytest.mark.rule("P-3")
NOON = date(2022, 8, 10)
LOADED = "{% load i18n static portal_ui %}"


def both(text: str, **values: Any) -> tuple[str, str]:
    """Return what a template writes folded, the second time, and what Django alone writes."""
    folded, plain = Template(LOADED + text), Template(LOADED + text)
    fold(folded.nodelist)
    folded.render(Context(values))
    return folded.render(Context(values)), plain.render(Context(values))


@pytest.mark.parametrize(
    "text",
    [
        "{{ name }} {{ safe }} {{ number }} {{ much }} {{ part }} {{ yes }} {{ none }} {{ missing }}",
        "{% autoescape off %}{{ name }} {% translate 'Orders' %}{% endautoescape %}{{ name }}",
        "{% translate name %} {% translate 'Orders' as t %}{{ t }} {% translate 'a<b>' %}",
        "{% blocktranslate %}100% of it{% endblocktranslate %}{% blocktranslate %}{{ name }}!{% endblocktranslate %}",
        "{% for one in many %}{% cycle 'a' 'b' %}{% icon 'bell' %}{% icon one %}{{ forloop.counter }}{% endfor %}",
        "{% url 'portal:home' %}{% url 'portal:home' as u %}{{ u }}{% static 'css/portal.css' %}",
        "{% url 'listings:product-detail' 'P7' %}{% url 'listings:product-detail' product_id='P7' %}",
        "{% url 'listings:product-detail' name %}{% url 'listings:product-detail' 'a b&c' %}{% url view %}",
        "{% if none %}{% translate 'Home' %}{% elif yes %}{% translate 'Orders' %}{% endif %}",
        "{% with x=number %}{% translate 'Home' %}{{ x }}{% endwith %}{{ late|default:_('Home') }}",
    ],
)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_folded_templates_write_what_django_writes(text: str, language: str) -> None:
    values = {
        "name": "<b>O'Neil & \"Co\"", "safe": mark_safe("<i>"), "number": 1234567, "much": 12345.5,
        "part": 0.5, "yes": True, "none": None, "many": ["star", "star-fill"],
        "view": "portal:home", "late": "",
    }  # fmt: skip
    with translation.override(language):
        folded, plain = both(text, **values)
    assert folded == plain


def test_what_is_kept_follows_language_prefix_and_the_row() -> None:
    template = Template(
        LOADED
        + "{% translate 'Orders' %} {% url 'portal:orders' %} {% url 'listings:product-detail' p %}"
    )
    fold(template.nodelist)
    seen = []
    for language, prefix, product in [
        ("en", "/", "P1"), ("zh-hans", "/", "P1"), ("en", "/below/", "P1"), ("en", "/", "P2"),
    ]:  # fmt: skip
        with translation.override(language), override_script_prefix(prefix):
            seen.append(template.render(Context({"p": product})))
    assert "订单" in seen[1]
    assert "订单" not in seen[0]
    assert seen[2].count("/below/") == 2
    assert seen[3] == seen[0].replace("P1", "P2")
    with translation.override("en"):
        assert template.render(Context({"p": "P1"})) == seen[0]


def test_all_templates_fold_and_nothing_kept_takes_a_variable() -> None:
    """Every template of the portal is folded; what is joined consists of constants by its own text."""
    joined = 0
    for path in sorted(Path(settings.BASE_DIR, "templates").rglob("*.html")):
        name = str(path.relative_to(Path(settings.BASE_DIR, "templates")))
        for node in get_template(name).template.nodelist.get_nodes_by_type(FoldedNode):
            joined += 1
            for part in node.nodes:
                text = part.token.contents if part.token else ""
                assert "{{" not in text, (name, text)
                assert not re.search(r"^(translate|url|static|icon)\b.*\bas \w+$", text), (
                    name,
                    text,
                )
    assert joined > 500
    assert (
        type(engines["django"].engine.template_loaders[0]).__module__ == "portal.template_folding"
    )


@pytest.mark.django_db
@pytest.mark.rule("K-8")
def test_pages_of_people_shops_roles_and_languages_do_not_mix(
    owner: Member, viewer: Member, stranger: Member, client: Client, clock: Any
) -> None:
    """The same pages asked for in every order are each person's own: name, shop, menu, words."""
    clock.noon(NOON)
    people = [owner, viewer, stranger]
    pages: dict[tuple[int, str], str] = {}
    for turn in range(2):
        for member in people if turn else reversed(people):
            for language in ("en", "zh-hans"):
                client.force_login(member.user, backend=settings.AUTHENTICATION_BACKENDS[0])
                client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
                html = client.get(reverse("portal:orders")).content.decode()
                assert member.seller.name_en in html or member.seller.name_zh in html
                for other in people:
                    if other.seller != member.seller:
                        assert other.seller.name_en not in html
                assert (reverse("portal:members") in html) is (member != viewer)
                assert ("订单" in html) is (language == "zh-hans")
                body = re.sub(r'(csrfmiddlewaretoken" value=|data-csrf=)"[^"]*"', "", html)
                assert pages.setdefault((member.pk, language), body) == body
    assert len(set(pages.values())) == len(pages)


# --- Labels of choices ----------------------------------------------------------------------------


def test_labels_of_choices_are_djangos_in_each_language() -> None:
    product = Product(status="live", kind="rts")
    shown = {}
    for language in ("en", "zh-hans", "en"):
        with translation.override(language):
            shown[language] = product.get_status_display()
            assert shown[language] == product._get_FIELD_display(Product._meta.get_field("status"))
    assert shown["en"] == "Live" != shown["zh-hans"]
    assert Product(status="unheard of").get_status_display() == "unheard of"
    assert Product(status=None).get_status_display() is None


def test_the_address_prefers_the_app_of_the_request() -> None:
    request = RequestFactory().get("/")
    template = Template("{% url 'admin:index' %}")
    fold(template.nodelist)
    first = template.render(Context({"request": request}))
    assert first == template.render(Context({})) == reverse("admin:index")


# --- Choices of forms -----------------------------------------------------------------------------


class Choosing(forms.Form):
    """Selects of every kind, with signs that need escaping."""

    one = forms.ChoiceField(
        choices=[("", "–"), ("a", "A & <b>"), ("group", [("x", "X"), (5, "five")]), (None, "none")],
        widget=forms.Select(attrs={"class": "wide", "required": True, "hidden": False, "data-n": 3, "title": '"'}),
    )  # fmt: skip
    many = forms.MultipleChoiceField(choices=[("a", mark_safe("<i>A</i>")), ("b", "B")])
    yes = forms.NullBooleanField()
    radio = forms.ChoiceField(choices=[("r", "R")], widget=forms.RadioSelect)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_choices_are_drawn_as_django_draws_them(language: str) -> None:
    initial = {"one": 5, "many": ["b"], "yes": True}
    with translation.override(language):
        ours, djangos = (
            str(Choosing(initial=initial, renderer=renderer()))
            for renderer in (FormRenderer, DjangoTemplates)
        )
    assert ours == djangos
    assert ours.count("<option") == 10
