"""Constant folding of templates: what depends on nothing but the language is written once per process (P-3).

Most of a page is the same for everybody: text, `{% translate "…" %}`, `{% static "…" %}`, `{% url "…" %}` and
`{% icon "…" %}` of constants. Django resolves each of them on each request, and in tables on each row. The
loader joins neighbours of this kind into one node, which keeps what it wrote. It is kept under everything that
the joined tags read: the language, escaping, and for addresses the prefix, the URLconf and the current app. Tags
that take a variable, set one, or are not named here are left as they are, so that nothing of a person, a shop or
a row can be kept. Of `{% url %}` with values the address around them is kept, and a variable that is text or a
whole number is written without asking for its format.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.template import Template
from django.template.base import (
    FilterExpression,
    Node,
    NodeList,
    TextNode,
    TokenType,
    Variable,
    VariableNode,
    render_value_in_context,
)
from django.template.context import Context
from django.template.defaulttags import CommentNode, IfNode, LoadNode, URLNode
from django.template.library import SimpleNode
from django.template.loaders import cached
from django.templatetags.i18n import BlockTranslateNode, TranslateNode
from django.templatetags.static import StaticNode
from django.urls import NoReverseMatch, get_script_prefix, get_urlconf, reverse
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from portal.templatetags.portal_ui import icon

PURE_TAGS: tuple[Callable[..., Any], ...] = (icon,)
"""Simple tags that read nothing but their arguments."""

_written: dict[tuple[Any, ...], str] = {}
_shapes: dict[tuple[Any, ...], list[str | int]] = {}


class Loader(cached.Loader):
    """Django's cached loader, folding each template once."""

    def get_template(self, template_name: str, skip: Any = None) -> Template:
        """Return a template whose constant neighbours are joined."""
        fresh = self.cache_key(template_name, skip) not in self.get_template_cache
        template: Template = super().get_template(template_name, skip)
        if fresh:
            fold(template.nodelist)
        return template

    def reset(self) -> None:
        """Forget all templates and what was written of them."""
        super().reset()
        _forget()


class FoldedNode(Node):
    """Neighbours that write the same whenever the language and the addresses are the same."""

    child_nodelists = ()

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        _like(nodes[0], self)
        self.links = any(isinstance(node, URLNode) for node in nodes)

    def render(self, context: Context) -> str:
        """Write the nodes, or give what they wrote."""
        key: tuple[Any, ...] = (self, get_language(), context.autoescape)
        if self.links:
            key += (get_script_prefix(), get_urlconf(), _current_app(context))
        text = _written.get(key)
        if text is None:
            text = "".join([str(node.render_annotated(context)) for node in self.nodes])
            _written[key] = text
        return text


class ValueNode(VariableNode):
    """A variable; text and whole numbers, which most are, without asking for the language's formats."""

    def render(self, context: Context) -> str:
        """Write the value as Django does."""
        value = self.filter_expression.resolve(context)
        kind = type(value)
        if kind is SafeString:
            return str(value)
        if kind is str:
            return html.escape(value) if context.autoescape else str(value)
        if kind is int and not settings.USE_THOUSAND_SEPARATOR:
            return str(value)
        return str(render_value_in_context(value, context))


class AddressNode(URLNode):
    """`{% url %}` with values: the text around them is kept, ids of plain characters are put into it.

    Whatever else comes is left to Django: other characters, other types, views that refuse the samples.
    """

    def render(self, context: Context) -> str:
        """Write the address."""
        values = [value.resolve(context) for value in (*self.args, *self.kwargs.values())]
        kinds = tuple(map(_kind_of, values))
        shape = self._shape(kinds, context) if all(kinds) else []
        if not shape:
            return str(super().render(context))
        address = "".join(str(values[one]) if type(one) is int else str(one) for one in shape)
        if self.asvar:
            context[self.asvar] = address
            return ""
        return address

    def _shape(self, kinds: tuple[Any, ...], context: Context) -> list[str | int]:
        view = self.view_name.resolve(context)
        app = _current_app(context)
        key = (view, kinds, *self.kwargs, len(self.args), get_script_prefix(), get_urlconf(), app)
        shape = _shapes.get(key)
        if shape is None:
            shape = _shapes[key] = _shape_of(view, kinds, list(self.kwargs), app)
        return shape


_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_SAMPLES: dict[type[Any], Callable[[int], Any]] = {
    str: lambda place: f"Zq7-{place}_xY",
    int: lambda place: 734_001_700 + place,
}
"""Made of every kind of plain character, so that a path that takes one of them takes all plain values."""


def _kind_of(value: Any) -> type[Any] | None:
    """Return `str` or `int` for a value that stands in an address as it is, else nothing."""
    if type(value) is int and value >= 0:
        return int
    return str if isinstance(value, str) and _PLAIN.fullmatch(value) else None


def _shape_of(
    view: str, kinds: tuple[Any, ...], names: list[str], app: str | None
) -> list[str | int]:
    """Return an address as texts and places of values; nothing where values change more than that."""
    samples = [_SAMPLES[kind](place) for place, kind in enumerate(kinds)]
    args = samples[: len(samples) - len(names)]
    kwargs = dict(zip(names, samples[len(args) :], strict=True))
    try:
        address = reverse(view, args=args, kwargs=kwargs, current_app=app)
    except NoReverseMatch:
        return []
    places = {str(sample): place for place, sample in enumerate(samples)}
    found = re.split(f"({'|'.join(places)})", address)
    plain = sorted(found[1::2]) == sorted(places) and escape(address) == address
    return [places.get(one, one) for one in found] if plain else []


def _current_app(context: Any) -> str | None:
    """Return the application that `{% url %}` prefers, as that tag finds it."""
    request = getattr(context, "request", None)
    try:
        return request.current_app  # type: ignore[union-attr]
    except AttributeError:
        return getattr(getattr(request, "resolver_match", None), "namespace", None)


def _forget(**_kwargs: Any) -> None:
    """Follow settings that tests override, such as where static files lie."""
    _written.clear()
    _shapes.clear()


setting_changed.connect(_forget, dispatch_uid="portal.template_folding")


# --- Once per template ----------------------------------------------------------------------------


def fold(nodes: NodeList) -> None:
    """Join constant neighbours in place, at every depth."""
    folded: list[Node] = []
    run: list[Node] = []
    for node in nodes:
        for below in _lists_of(node):
            fold(below)
        if _is_constant(node):
            run.append(node)
        elif type(node) is VariableNode:
            folded += [*_joined(run), _like(node, ValueNode(node.filter_expression))]
            run = []
        elif type(node) is URLNode and _is_given(node.view_name):
            quick = AddressNode(node.view_name, node.args, node.kwargs, node.asvar)
            folded += [*_joined(run), _like(node, quick)]
            run = []
        else:
            folded += _joined(run)
            run = []
            folded.append(node)
    nodes[:] = folded + _joined(run)


def _like(old: Node, new: Node) -> Node:
    """Let a node say where in its template it stands, for messages of errors."""
    new.token = old.token
    if origin := getattr(old, "origin", None):
        new.origin = origin
    return new


def _lists_of(node: Node) -> Iterator[NodeList]:
    if isinstance(node, IfNode):
        yield from (nodes for _condition, nodes in node.conditions_nodelists)
    yield from (value for value in vars(node).values() if isinstance(value, NodeList))


def _joined(run: list[Node]) -> list[Node]:
    """Return a run as at most one node; text alone stays text, which costs nothing."""
    run = [node for node in run if not isinstance(node, LoadNode | CommentNode)]
    if all(isinstance(node, TextNode) for node in run):
        return run
    return [FoldedNode(run)]


def _is_constant(node: Node) -> bool:
    kind: type[Node] = type(node)
    if kind in (TextNode, LoadNode, CommentNode):
        return True
    rule = _RULES.get(kind)
    return rule is not None and rule(node)


def _is_given(expression: FilterExpression | None) -> bool:
    """Tell whether an argument is written in the template itself, without filters."""
    if expression is None:
        return True
    if expression.filters:
        return False
    return not isinstance(expression.var, Variable) or expression.var.literal is not None


def _translates(node: Any) -> bool:
    return not node.asvar and _is_given(node.filter_expression) and _is_given(node.message_context)


def _block_translates(node: Any) -> bool:
    plain = all(token.token_type == TokenType.TEXT for token in node.singular)
    return (
        plain
        and not (node.asvar or node.plural or node.extra_context)
        and _is_given(node.message_context)
    )


def _links(node: Any) -> bool:
    arguments = [node.view_name, *node.args, *node.kwargs.values()]
    return not node.asvar and all(map(_is_given, arguments))


def _draws(node: Any) -> bool:
    arguments = [*node.args, *node.kwargs.values()]
    return (
        node.func in PURE_TAGS
        and node.target_var is None
        and not node.takes_context
        and all(map(_is_given, arguments))
    )


_RULES: dict[type[Node], Callable[[Any], bool]] = {
    TranslateNode: _translates,
    BlockTranslateNode: _block_translates,
    StaticNode: lambda node: node.varname is None and _is_given(node.path),
    URLNode: _links,
    SimpleNode: _draws,
}
"""Exactly these classes: a subclass may read more."""
