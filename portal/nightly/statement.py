"""A select of a night, as those who run it or build on it get it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Statement:
    """A select with its named parameters, those of the shard (`lo`, `hi`) not included."""

    sql: str
    params: dict[str, Any]
