"""`portal.messages`: what it collects, how catalogues follow the source, what it calls a fault."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from portal import messages

pytestmark = pytest.mark.rule("UI-6")

PYTHON = """
from django.utils.translation import gettext as _say, gettext_lazy as _, ngettext, pgettext_lazy

# Translators: 检测
CHECK = _("Check")
LONG = _say("one " "sentence")
KIND = pgettext_lazy("service", "Customization")
not_ours("Left alone")


def days(n):
    return ngettext("%(n)s day", "%(n)s days", n) % {"n": n}
"""

TEMPLATE = """{% load i18n %}
  <h1 title="{% translate 'Tip' %}">{% translate "Themes" %}</h1>
{% status_pill "on" _("On") %} {% translate "Live" context "benefit" as live %}
    <p>{% blocktranslate trimmed with n=count %}
      Found {{ n }} of
      100%
    {% endblocktranslate %}</p>
{% blocktranslate count n=n %}{{ n }} row{% plural %}{{ n }} rows{% endblocktranslate %}
{# Translators: 检测 #}
{% translate "Check" %}
"""


def found(calls: object) -> dict[object, tuple[str | None, list[str]]]:
    return {text: (context, comments) for _name, (context, text), comments in calls}  # type: ignore[attr-defined]


def test_it_reads_python_by_whatever_name_gettext_goes():
    assert found(messages.python_messages(PYTHON)) == {
        "Check": (None, ["Translators: 检测"]),
        "one sentence": (None, []),
        "Customization": ("service", []),
        ("%(n)s day", "%(n)s days"): (None, []),
    }


def test_it_reads_templates():
    assert found(messages.template_messages(TEMPLATE)) == {
        "Tip": (None, []),
        "Themes": (None, []),
        "On": (None, []),
        "Live": ("benefit", []),
        "Found %(n)s of 100%%": (None, []),
        ("%(n)s row", "%(n)s rows"): (None, []),
        "Check": (None, ["Translators: 检测"]),
    }


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a kernel, one app and their templates."""
    for name, text in {
        "portal/a.py": 'from django.utils.translation import gettext as _\n_("Home")\n_("Gone")\n',
        "listings/b.py": 'from django.utils.translation import gettext as _\n_("Home")\n',
        "listings/migrations/0001.py": 'from x import gettext as _\n_("Old")\n',
        "templates/listings/list.html": "{% load i18n %}{% translate 'Themes' %}",
        "templates/admin/listings/x.html": "{% load i18n %}{% translate 'End' %}",
        "templates/admin/index.html": "{% load i18n %}{% translate 'Queue' %}",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path


def translate(root: Path, app: str, **texts: str) -> None:
    path = messages.catalogue_path(app, root)
    content = path.read_text("utf-8")
    for english, chinese in texts.items():
        empty = f'msgid "{english}"\nmsgstr ""'
        assert empty in content
        content = content.replace(empty, f'msgid "{english}"\nmsgstr "{chinese}"')
    path.write_text(content, "utf-8")


def held(root: Path, app: str) -> dict[str, str]:
    catalogue = messages.read_catalogue(messages.catalogue_path(app, root))
    return {message.id: message.string for message in catalogue if message.id}


def test_strings_go_to_the_catalogue_of_their_app(project: Path):
    updated = {result.app: result for result in messages.update(project)}
    assert set(held(project, "portal")) == {"Home", "Gone", "Queue"}
    assert set(held(project, "listings")) == {"Home", "Themes", "End"}
    assert set(updated) == {"portal", "listings"}, "an app without strings has no catalogue"
    assert updated["listings"].missing == ("Home", "End", "Themes")


def test_a_catalogue_follows_its_source(project: Path):
    messages.update(project)
    translate(project, "portal", Home="首页", Gone="消失")
    translate(project, "listings", Themes="主题")
    # One string leaves; one moves to the kernel and takes its translation along.
    source = 'from django.utils.translation import gettext as _\n_("Home")\n_("Themes")\n'
    (project / "portal/a.py").write_text(source, "utf-8")
    (project / "templates/listings/list.html").write_text("", "utf-8")
    messages.update(project)
    assert held(project, "portal") == {"Home": "首页", "Themes": "主题", "Queue": ""}
    assert held(project, "listings") == {"Home": "首页", "End": ""}
    assert "#~" not in messages.catalogue_path("portal", project).read_text("utf-8")


def test_it_writes_the_same_files_for_the_same_source(project: Path):
    messages.update(project)
    files = sorted(project.rglob("django.*"))
    before = [path.read_bytes() for path in files]
    assert len(files) == 4
    assert not any(result.changed for result in messages.update(project))
    assert [path.read_bytes() for path in files] == before


PO = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

"""


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ('msgid "Home"\nmsgstr "首页"', ""),
        ('msgid "Home"\nmsgstr ""', "missing"),
        ('#, fuzzy\nmsgid "Home"\nmsgstr "首页"', "fuzzy"),
        ('msgid "A"\nmsgstr "甲"\n\n#~ msgid "B"\n#~ msgstr "乙"', "obsolete"),
        ('msgid "%(n)s of %(all)s"\nmsgstr "%(all)s 中的 %(n)s"', ""),
        ('msgid "%(n)s left"\nmsgstr "剩余 %(m)s"', "placeholders"),
        ('msgid "%(n)s left"\nmsgstr "剩余"', "placeholders"),
        ('msgid "{day} ends"\nmsgstr "{日} 结束"', "placeholders"),
        ('msgid "100%%"\nmsgstr "百分百"', "placeholders"),
        ('msgid "<b>Now</b>"\nmsgstr "<b>现在</b>"', ""),
        ('msgid "<b>Now</b>"\nmsgstr "现在"', "markup"),
        ('msgid "%(n)s day"\nmsgid_plural "%(n)s days"\nmsgstr[0] "%(n)s 天"', ""),
        ('msgid "One day"\nmsgid_plural "%(n)s days"\nmsgstr[0] "一天"', "placeholders"),
        ('msgid "%(n)s day"\nmsgid_plural "%(n)s days"\nmsgstr[0] ""', "missing"),
    ],
)
def test_it_finds_what_is_wrong_with_an_entry(tmp_path: Path, entry: str, fault: str):
    path = tmp_path / "django.po"
    path.write_text(PO + entry + "\n", "utf-8")
    faults = messages.faults(messages.read_catalogue(path))
    assert [text.split()[0].strip(":") for text in faults] == ([fault] if fault else [])


def test_the_command_says_what_is_missing(project: Path, settings, capsys):
    settings.BASE_DIR = project
    with pytest.raises(CommandError, match="6 strings"):
        call_command("messages", check=True)
    assert "'Queue'" in capsys.readouterr().out
