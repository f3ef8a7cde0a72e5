"""The OpenAPI schema as people read it: each operation with what it takes and what it answers (API-1).

Pure: a schema goes in, rows of a page come out. Types are written as programs write them (`Quote[]`,
`string (date) | null`), so that they need no translation.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
_REF = "#/components/schemas/"
_LIMITS = {
    "minimum": "≥ {}",
    "maximum": "≤ {}",
    "minLength": "length ≥ {}",
    "maxLength": "length ≤ {}",
    "minItems": "items ≥ {}",
    "maxItems": "items ≤ {}",
    "pattern": "{}",
    "default": "= {}",
}


@dataclass(frozen=True)
class Operation:
    """One call: what a list of all calls shows of it."""

    key: str
    part: str
    method: str
    path: str
    title: str
    text: str
    source: Schema


@dataclass(frozen=True)
class Field:
    """A parameter, or one name of an object."""

    name: str
    kind: str
    shapes: tuple[str, ...]
    """Names of the objects that the kind speaks of."""
    text: str
    limits: tuple[str, ...] = ()
    required: bool = False
    readonly: bool = False
    place: str = ""
    """Where a parameter stands: `path`, `query` or `header`."""


@dataclass(frozen=True)
class Shape:
    """An object with its fields."""

    name: str
    text: str
    fields: tuple[Field, ...]
    kind: str = ""
    """What it is where it has no fields of its own."""


@dataclass(frozen=True)
class Body:
    """What is sent, or answered with a status."""

    media: str
    kind: str
    shapes: tuple[str, ...]
    status: str = ""
    text: str = ""


def operations(schema: Schema) -> list[Operation]:
    """Return every operation, by part, path and method."""
    found = [
        _operation(path, method, item[method])
        for path, item in schema["paths"].items()
        for method in METHODS
        if method in item
    ]
    return sorted(found, key=lambda one: (one.part, one.path, METHODS.index(one.method.lower())))


def parameters(operation: Operation) -> list[Field]:
    """Return what goes into an operation's address and headers; what has to be there comes first."""
    rows = [
        _field(one["name"], one.get("schema", {}), {}, required=one.get("required", False),
               text=one.get("description", ""), place=one["in"])
        for one in operation.source.get("parameters", ())
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (not row.required, row.place == "header"))


def bodies(schema: Schema, operation: Operation) -> list[Body]:
    """Return what the operation takes, one for each content type."""
    return list(_bodies(schema, operation.source.get("requestBody", {}).get("content", {})))


def answers(schema: Schema, operation: Operation) -> list[Body]:
    """Return what the operation answers, by status."""
    found = []
    for status, answer in operation.source["responses"].items():
        text = answer.get("description", "")
        content = answer.get("content") or {"": {}}
        found += list(_bodies(schema, content, status=status, text=text))
    return found


def shapes(schema: Schema, named: Iterable[str]) -> list[Shape]:
    """Return the objects of these names and all that they are made of, each once, nearest first."""
    found: dict[str, Shape] = {}
    waiting = list(named)
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found[name] = _shape(schema, name)
            waiting += [other for field in found[name].fields for other in field.shapes]
    return list(found.values())


def _operation(path: str, method: str, source: Schema) -> Operation:
    text = source.get("description", "")
    title = source.get("summary", "")
    if not title:
        title, _, text = text.partition(".")
        text = text.strip()
    return Operation(
        key=source["operationId"],
        part=(source.get("tags") or [""])[0],
        method=method.upper(),
        path=path,
        title=title,
        text=text,
        source=source,
    )


def _bodies(
    schema: Schema, content: Mapping[str, Any], *, status: str = "", text: str = ""
) -> Iterator[Body]:
    for media, one in content.items():
        kind, named = _kind(one.get("schema", {}), schema["components"]["schemas"])
        yield Body(media=media, kind=kind, shapes=named, status=status, text=text)


def _shape(schema: Schema, name: str) -> Shape:
    known = schema["components"]["schemas"]
    source = known[name]
    required = source.get("required", ())
    fields = tuple(
        _field(key, one, known, required=key in required)
        for key, one in source.get("properties", {}).items()
    )
    kind = "" if fields else _kind(source, known)[0]
    return Shape(name=name, text=source.get("description", ""), fields=fields, kind=kind)


def _field(
    name: str, source: Schema, known: Schema, *, required: bool, text: str = "", place: str = ""
) -> Field:
    kind, named = _kind(source, known)
    # The generator lists the words of a choice below its description; the kind has them already.
    text = (text or source.get("description", "")).partition("\n\n* `")[0].removeprefix("* `")
    limits = tuple(
        sign.format(_plain(source[key])) for key, sign in _LIMITS.items() if key in source
    )
    return Field(
        name=name,
        kind=kind,
        shapes=named,
        text=text,
        limits=limits,
        required=required,
        readonly=source.get("readOnly", False),
        place=place,
    )


def _kind(source: Any, known: Schema) -> tuple[str, tuple[str, ...]]:
    """Return how a type is written, and the names of the objects in it."""
    if not isinstance(source, Mapping):
        return "any", ()
    if "$ref" in source:
        name = source["$ref"].removeprefix(_REF)
        if "enum" in known.get(name, {}):
            return _kind(known[name], known)
        return name, (name,)
    for several, sign in (("allOf", " & "), ("oneOf", " | "), ("anyOf", " | ")):
        if several in source:
            return _joined(source[several], sign, known)
    if "enum" in source:
        return " | ".join(_plain(value) for value in source["enum"]), ()
    return _typed(source, known)


def _typed(source: Schema, known: Schema) -> tuple[str, tuple[str, ...]]:
    kinds = source.get("type", "any")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    written: list[str] = []
    named: tuple[str, ...] = ()
    for kind in kinds:
        text = kind
        if kind == "array":
            inner, named = _kind(source.get("items"), known)
            text = f"({inner})[]" if " " in inner else f"{inner}[]"
        elif kind == "object" and isinstance(source.get("additionalProperties"), Mapping):
            inner, named = _kind(source["additionalProperties"], known)
            text = f"{{[name]: {inner}}}"
        elif kind == "object" and source.get("properties"):
            text, named = _inline(source["properties"], known)
        elif kind == "string" and "format" in source:
            text = f"string ({source['format']})"
        written.append(text)
    return " | ".join(written), named


def _inline(properties: Schema, known: Schema) -> tuple[str, tuple[str, ...]]:
    """Write an object that has no name of its own."""
    inner = {name: _kind(one, known) for name, one in properties.items()}
    text = ", ".join(f"{name}: {kind}" for name, (kind, _named) in inner.items())
    return f"{{{text}}}", tuple(one for _kind_, named in inner.values() for one in named)


def _joined(many: Iterable[Schema], sign: str, known: Schema) -> tuple[str, tuple[str, ...]]:
    kinds = [_kind(one, known) for one in many]
    texts = list(dict.fromkeys(text for text, _named in kinds if text))
    return sign.join(texts), tuple(name for _text, named in kinds for name in named)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
