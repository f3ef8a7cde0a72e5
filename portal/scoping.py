"""Tenant scope that fails closed (K-8).

A seller-owned model uses `SellerScopedManager`: without an active scope every query raises
`ScopeError`; inside `seller_scope(seller)` it sees that seller's rows and no others. Batch jobs,
ingest and the admin say `unscoped()` in so many words.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from django.db import models
from django_scopes import ScopedManager, scope, scopes_disabled

if TYPE_CHECKING:
    from portal.models import Seller


def scoped_manager(
    manager: type[models.Manager] = models.Manager, *, seller: str = "seller"
) -> Any:
    """Return a manager for a model whose owner is reached by the lookup `seller`."""
    return ScopedManager(manager, seller=seller)


def seller_scope(seller: Seller) -> AbstractContextManager[None]:
    """Let scoped queries inside the block see the rows of one seller."""
    return scope(seller=seller)


def unscoped() -> AbstractContextManager[None]:
    """Let scoped queries inside the block see every seller: staff, batch jobs and ingest only."""
    return scopes_disabled()
