"""The Chinese interface is complete: nothing untranslated, nothing outside of gettext (UI-6)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.template.base import Lexer, TokenType
from django.utils import formats, translation
from django.utils.functional import Promise

from portal import messages, platform_time
from portal.rulebook_schemas import RULEBOOK_MODULES, RULEBOOK_WORDS, rulebook_vocabulary
from portal.templatetags.portal_ui import day_text

pytestmark = pytest.mark.rule("UI-6")

ROOT: Path = settings.BASE_DIR
COLLECTED = messages.collect()
APPS = [app for app in messages.APPS if COLLECTED[app]]
CHINESE = re.compile(r"[\u3400-\u9fff]")


# --- Catalogues ---------------------------------------------------------------------------------


@pytest.mark.parametrize("app", APPS)
def test_every_string_of_the_source_is_translated(app):
    catalogue = messages.read_catalogue(messages.catalogue_path(app))
    known = {messages._key(message) for message in catalogue if message.id}
    assert not set(COLLECTED[app]) - known, "run `make messages` and translate what is new"
    assert not known - set(COLLECTED[app]), "run `make messages`: these have left the source"
    assert not messages.faults(catalogue)
    assert catalogue.num_plurals == 1


@pytest.mark.parametrize("app", APPS)
def test_the_compiled_catalogue_is_that_of_the_translation(app):
    path = messages.catalogue_path(app)
    compiled = messages.mo_bytes(messages.read_catalogue(path))
    assert path.with_suffix(".mo").read_bytes() == compiled, "run `make messages`"


# What reads alike in both languages: codes, brands, signs.
ALIKE = {
    "RFQ",
    "RFQ Pro",
    "PDF",
    "SHA-256",
    "API",
    "%(name)s: %(amount)s",
    "%(goal)s, %(gain)s",
    "%(step)s → %(goal)s, %(gain)s",
    "App",
    "PC",
    "{answer}",
    "{judgement}",
    "{programme}: {decision}",
    "{programme}: {step}",
    "%(every)s: %(days)s",
    "%(way)s: +%(gain)s",
    "%(subject)s: %(value)s",
    "%(value)s of %(target)s",
    "%(programme)s: %(step)s",
    "%(power)s, %(indicator)s: %(step)s",
    "US$%(low)s – US$%(high)s",
}


@pytest.mark.parametrize("app", APPS)
def test_a_translation_is_chinese(app):
    catalogue = messages.read_catalogue(messages.catalogue_path(app))
    found = [
        message.id
        for message in catalogue
        if message.id
        and message.id not in ALIKE
        and re.search("[A-Za-z]{2}", str(message.id))
        and not CHINESE.search("".join(messages._texts(message)))
    ]
    assert not found


def test_a_string_of_two_apps_reads_the_same_in_both():
    first: dict[messages.Key, tuple[str, ...]] = {}
    for app in APPS:
        catalogue = messages.read_catalogue(messages.catalogue_path(app))
        for key, texts in messages.translations(catalogue).items():
            assert first.setdefault(key, texts) == texts


def test_punctuation_between_chinese_is_full_width():
    half = re.compile(r"[\u3400-\u9fff][,;:!?](?:\s|$|[\u3400-\u9fff])|\([\u3400-\u9fff]")
    found = [
        text
        for app in APPS
        for texts in messages.translations(
            messages.read_catalogue(messages.catalogue_path(app))
        ).values()
        for text in texts
        if half.search(text)
    ]
    assert not found


# --- Python -------------------------------------------------------------------------------------


def test_gettext_gets_whole_strings():
    """An f-string or a variable in `_()` is never collected, so never translated."""
    stored = {"portal/notice_kinds.py"}  # translates a msgid that a notice was stored with
    names = {"_", "_t", "_gettext", "gettext", "gettext_lazy", "ngettext", "pgettext"}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for _app, path in messages.source_files(ROOT)
        if path.suffix == ".py" and path.relative_to(ROOT).as_posix() not in stored
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in names
        and node.args
        and not (isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str))
    ]
    assert not found


def test_whatever_staff_see_of_a_model_has_a_name_in_both_languages():
    found = []
    for model in admin.site._registry:
        if model._meta.app_label not in messages.APPS or model.__module__.startswith("django"):
            continue
        fields = [field for field in model._meta.concrete_fields if not field.primary_key]
        names = {model._meta.label: model._meta.verbose_name} | {
            f"{model._meta.label}.{field.name}": field.verbose_name
            for field in fields
            if field.model.__module__.split(".")[0] in messages.APPS and field.editable
        }
        found += [key for key, name in names.items() if not isinstance(name, Promise)]
    assert not found


@pytest.mark.parametrize("module", sorted(RULEBOOK_MODULES))
def test_every_key_and_fixed_value_of_a_rulebook_has_a_word(module):
    words = rulebook_vocabulary(RULEBOOK_MODULES[module])
    assert len(words) > 3
    assert not words - set(RULEBOOK_WORDS), "name them with register_rulebook_words"


@pytest.mark.parametrize(
    ("name", "package"),
    [("ALLAUTH", "allauth"), ("AUDITLOG", "auditlog"), ("DJANGO_ADMIN", "django.contrib.admin")],
)
def test_a_borrowed_string_is_still_in_its_package(name, package):
    folder = Path(apps.get_app_config(package.split(".")[-1]).path)
    tree = ast.parse((ROOT / "portal" / "borrowed_messages.py").read_text("utf-8"))
    group = next(
        node for node in tree.body if getattr(node, "targets", [ast.Name("")])[0].id == name
    )
    assert import_module("portal.borrowed_messages")
    wanted = {call.args[-1].value for call in group.value.elts}
    assert wanted
    sources = [path for path in folder.rglob("*") if path.suffix in (".py", ".html", ".txt")]
    text = "\n".join(path.read_text("utf-8") for path in sources)
    assert not {string for string in wanted if string not in text}


# --- Templates ----------------------------------------------------------------------------------

ATTRIBUTES = {"title", "alt", "placeholder", "aria-label", "data-label", "data-past", "data-left"}
# Names that stay as they are: languages in their own spelling, formats, units.
NAMES = {"EN", "CSV", "csv", "Excel", "UTC", "US", "CA", "GB", "SHA"}
TEMPLATES = [
    path.relative_to(ROOT / "templates").as_posix()
    for path in sorted((ROOT / "templates").rglob("*.html"))
]


class Texts(HTMLParser):
    """Collects what people read or hear: text nodes and some attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("script", "style", "svg", "code")
        self.found += [value for name, value in attrs if name in ATTRIBUTES and value]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style", "svg", "code") and self._silent > 0

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.found.append(data)


def untranslated(source: str) -> list[str]:
    """Return the words a template shows without asking for their translation."""
    html, inside = "", False
    for token in Lexer(source).tokenize():
        if token.token_type == TokenType.BLOCK:
            word = token.contents.split()[0]
            names = word == "block" and token.contents.endswith(("_class", "_type", " coltype"))
            if word in ("blocktranslate", "comment") or names:
                inside = True
            elif word in ("endblocktranslate", "endcomment", "endblock"):
                inside = False
        elif token.token_type == TokenType.TEXT and not inside:
            html += token.contents
    parser = Texts()
    parser.feed(html)
    return [
        " ".join(text.split())
        for text in parser.found
        if set(re.findall(r"[A-Za-z]{2,}", re.sub(r"&\w+;", " ", text))) - NAMES
    ]


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_shows_no_words_outside_of_gettext(name):
    assert not untranslated((ROOT / "templates" / name).read_text("utf-8"))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("<h1>Orders</h1>", ["Orders"]),
        ('<a title="See more" href="/orders/">{{ name }}</a>', ["See more"]),
        ("<p>{% translate 'Orders' %} and {{ n }}</p>", ["and"]),
        ("<p>{% blocktranslate %}All {{ n }}{% endblocktranslate %}</p>", []),
        ('{# Note #}<p class="lead">{% if wide %}&nbsp;–{% endif %}</p>', []),
        ("<p><code>rows</code> CSV</p>", []),
    ],
)
def test_words_outside_of_gettext_are_found(source, found):
    assert untranslated(source) == found


# --- Formats ------------------------------------------------------------------------------------


def written(language: str) -> Iterator[str]:
    day = platform_time.parse_day("2022-07-09")
    with translation.override(language):
        yield day_text(day)
        yield formats.date_format(day, "DATE_FORMAT")
        yield formats.number_format("1234567.5", 2, force_grouping=True)


def test_days_and_numbers_are_written_the_reader_s_way():
    assert list(written("en")) == ["Jul 9, 2022", "Jul 9, 2022", "1,234,567.50"]
    assert list(written("zh-hans")) == ["2022年7月9日", "2022年7月9日", "1,234,567.50"]
