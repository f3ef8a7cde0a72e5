"""The Chinese catalogues: collect strings, update `.po`, compile `.mo` (UI-6).

Python is read by Babel; templates go through Django's own `templatize` first. GNU gettext is not needed,
neither here nor at run time, and the same source always gives the same files. Babel is a development
requirement, so only the `messages` command and the tests import this module.

Each app keeps the strings of its Python files and of `templates/<app>/`, `templates/admin/<app>/` in its
own catalogue; what belongs to no app is the kernel's.
"""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

APPS = ("portal", "listings", "rfq", "compliance", "growth")
KERNEL = "portal"
LOCALE = "zh_Hans"
COMMENT_TAG = "Translators:"

# What Django adds to the functions of gettext; a suffix does not change the arguments.
_SPECS: dict[str, Any] = {
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
KEYWORDS: dict[str, Any] = {
    **DEFAULT_KEYWORDS,
    **{name + suffix: spec for name, spec in _SPECS.items() for suffix in ("", "_lazy", "_noop")},
}
PLACEHOLDER = re.compile(r"%\(\w+\)[sdif]|%[sdif%]|\{\w*(?:![rsa])?(?::[^{}]*)?\}")
_HEADER = """\
# Simplified Chinese translation of the seller back office, app {app}.
# Terms are in docs/translation.md. Made by `make messages`: translate here, never change a msgid.
"""


@dataclass
class Found:
    """One string of the source: where it is used and what its translators are told."""

    id: str | tuple[str, str]
    context: str | None
    places: set[str] = field(default_factory=set)
    comments: list[str] = field(default_factory=list)


Key = tuple[Any, str | None]


# --- Collecting ---------------------------------------------------------------------------------


def aliases(source: str) -> dict[str, Any]:
    """Return the names a Python file gives to gettext functions, with where their texts stand."""
    found: dict[str, Any] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation":
            for name in node.names:
                if name.name in KEYWORDS:
                    found[name.asname or name.name] = KEYWORDS[name.name]
    return found


def python_messages(source: str) -> Iterator[tuple[str, Any, list[str]]]:
    """Yield (function, arguments, comments) of every call of gettext in a Python file."""
    keywords: dict[str, Any] = {**KEYWORDS, **aliases(source)}
    yield from _calls(source, keywords)


def template_messages(source: str, origin: str = "") -> Iterator[tuple[str, Any, list[str]]]:
    """Yield (function, arguments, comments) of every translated string in a template."""
    # `templatize` blanks out everything else but keeps its indentation, which is no Python.
    lines = (line.lstrip() for line in templatize(source, origin=origin).splitlines())
    yield from _calls("\n".join(lines), KEYWORDS)


def _calls(source: str, keywords: dict[str, Any]) -> Iterator[tuple[str, Any, list[str]]]:
    stream = io.BytesIO(source.encode())
    options: Any = {"encoding": "utf-8"}
    names: Any = list(keywords)
    found: Iterable[Any] = extract_python(stream, names, [COMMENT_TAG], options)
    for _line, function, arguments, comments in found:
        spec = keywords[function]
        values = (arguments,) if not isinstance(arguments, tuple) else arguments
        context, texts = None, []
        for place in spec or (1,):
            if isinstance(place, tuple):
                context = values[place[0] - 1]
            else:
                texts.append(values[place - 1] if place <= len(values) else None)
        if texts and all(texts):
            yield function, (context, tuple(texts) if len(texts) > 1 else texts[0]), comments


def source_files(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield (app, file) for every file that can hold strings, in a fixed order."""
    for app in APPS:
        for path in sorted((root / app).rglob("*.py")):
            if "migrations" not in path.relative_to(root).parts:
                yield app, path
    templates = root / "templates"
    for path in sorted(templates.rglob("*")):
        if path.suffix not in (".html", ".txt"):
            continue
        parts = path.relative_to(templates).parts[:-1]
        owner = parts[1] if parts[:1] == ("admin",) and len(parts) > 1 else "".join(parts[:1])
        yield owner if owner in APPS else KERNEL, path


def collect(root: Path | None = None) -> dict[str, dict[Key, Found]]:
    """Return every translatable string of the project: app → (text, context) → where and how."""
    root = root or settings.BASE_DIR
    found: dict[str, dict[Key, Found]] = {app: {} for app in APPS}
    for app, path in source_files(root):
        source = path.read_text("utf-8")
        place = path.relative_to(root).as_posix()
        calls = (
            python_messages(source) if path.suffix == ".py" else template_messages(source, place)
        )
        for _function, (context, text), comments in calls:
            _add(found[app], text, context, place, comments)
    return found


def _add(
    known: dict[Key, Found],
    text: str | tuple[str, str],
    context: str | None,
    place: str,
    comments: list[str],
) -> None:
    # gettext keeps one entry for `x` alone and for `x` with a plural.
    first = text if isinstance(text, str) else text[0]
    entry = known.setdefault((first, context), Found(text, context))
    if isinstance(text, tuple):
        entry.id = text
    entry.places.add(place)
    entry.comments.extend(line for line in comments if line not in entry.comments)


# --- Catalogues ---------------------------------------------------------------------------------


class PlainCatalog(Catalog):
    """A catalogue whose header holds no dates and no versions: they would change it on every run."""

    mime_headers = [
        ("Language", LOCALE),
        ("Plural-Forms", "nplurals=1; plural=0;"),
        ("MIME-Version", "1.0"),
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Transfer-Encoding", "8bit"),
    ]


def catalogue_path(app: str, root: Path | None = None) -> Path:
    """Return the path of an app's `.po` file."""
    return (root or settings.BASE_DIR) / app / "locale" / LOCALE / "LC_MESSAGES" / "django.po"


def read_catalogue(path: Path) -> Catalog:
    """Read a `.po` file; one that does not exist is empty."""
    if not path.exists():
        return Catalog(locale=LOCALE)
    with path.open("rb") as stream:
        return read_po(stream, locale=LOCALE, abort_invalid=True)


def render_catalogue(
    app: str, strings: dict[Key, Found], translated: dict[Key, tuple[str, ...]]
) -> Catalog:
    """Return the catalogue of an app: its strings with the translations that are known."""
    catalogue = PlainCatalog(
        locale=LOCALE, fuzzy=False, header_comment=_HEADER.format(app=app).rstrip()
    )
    ordered = sorted(strings.items(), key=lambda item: (min(item[1].places), str(item[0])))
    for key, entry in ordered:
        texts = translated.get(key, ())
        plural = isinstance(entry.id, tuple)
        catalogue.add(
            entry.id,
            (texts[:1] or ("",)) if plural else (texts[0] if texts else ""),
            locations=[(place, 1) for place in sorted(entry.places)],
            auto_comments=entry.comments,
            context=entry.context,
        )
    return catalogue


def translations(catalogue: Catalog) -> dict[Key, tuple[str, ...]]:
    """Return what a catalogue translates, without fuzzy guesses."""
    return {
        _key(message): texts
        for message in catalogue
        if message.id and not message.fuzzy and any(texts := _texts(message))
    }


def _key(message: Message) -> Key:
    first = message.id if isinstance(message.id, str) else message.id[0]
    return first, message.context


def _texts(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


def po_bytes(catalogue: Catalog) -> bytes:
    """Write a catalogue as the text of a `.po` file, the same for the same strings."""
    stream = io.BytesIO()
    write_po(stream, catalogue, width=100, include_lineno=False, ignore_obsolete=True)
    return stream.getvalue()


def mo_bytes(catalogue: Catalog) -> bytes:
    """Compile a catalogue, the same for the same translations."""
    bare = PlainCatalog(locale=LOCALE, fuzzy=False)
    for message in catalogue:
        if message.id and not message.fuzzy:
            bare.add(message.id, message.string, context=message.context)
    stream = io.BytesIO()
    write_mo(stream, bare)
    return stream.getvalue()


# --- The command --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Updated:
    """What one app's catalogue holds after an update."""

    app: str
    path: Path
    total: int
    missing: tuple[str, ...]
    changed: bool


def update(root: Path | None = None) -> list[Updated]:
    """Bring every `.po` up to the source and compile it; return what each holds.

    A string that moved to another app takes its translation along; one that left the source leaves
    the catalogue.
    """
    root = root or settings.BASE_DIR
    before = {app: translations(read_catalogue(catalogue_path(app, root))) for app in APPS}
    everywhere = {key: texts for app in reversed(APPS) for key, texts in before[app].items()}
    results = []
    for app, strings in collect(root).items():
        path = catalogue_path(app, root)
        if not strings:
            continue
        catalogue = render_catalogue(app, strings, {**everywhere, **before[app]})
        files = {path: po_bytes(catalogue)}
        path.parent.mkdir(parents=True, exist_ok=True)
        changed = _write(path, files[path])
        changed |= _write(path.with_suffix(".mo"), mo_bytes(read_catalogue(path)))
        missing = tuple(str(key[0]) for key in strings if key not in translations(catalogue))
        results.append(Updated(app, path, len(strings), missing, changed))
    return results


def _write(path: Path, content: bytes) -> bool:
    if path.exists() and path.read_bytes() == content:
        return False
    path.write_bytes(content)
    return True


# --- Checking -----------------------------------------------------------------------------------


def placeholders(text: str) -> list[str]:
    """Return what a text has filled in: `%(name)s`, `%s`, `{name}`, sorted."""
    return sorted(PLACEHOLDER.findall(text))


def faults(catalogue: Catalog) -> list[str]:
    """Return what is wrong with a catalogue's entries; empty when it can be shipped."""
    found = []
    for message in catalogue:
        if not message.id:
            continue
        text, translated = _key(message)[0], _texts(message)
        if not translated or not all(translated):
            found.append(f"missing: {text!r}")
            continue
        if message.fuzzy:
            found.append(f"fuzzy: {text!r}")
        # Chinese has one form; it stands for the plural, which names the number.
        source = message.id[-1] if isinstance(message.id, tuple) else text
        for chinese in translated:
            if placeholders(source) != placeholders(chinese):
                found.append(f"placeholders differ: {source!r} → {chinese!r}")
            if sorted(re.findall(r"</?\w+", source)) != sorted(re.findall(r"</?\w+", chinese)):
                found.append(f"markup differs: {source!r} → {chinese!r}")
            if source.endswith("\n") != chinese.endswith("\n"):
                found.append(f"line end differs: {source!r}")
    found.extend(f"obsolete: {key!r}" for key in catalogue.obsolete)
    return found
