"""The shipped rulebooks of the score, read without a database."""

from __future__ import annotations

import tomllib
from pathlib import Path

import rfq
from rfq.score.schema import ScoreRules

VERSIONS = ("2021-09", "2022-01", "2022-08")


def book(version: str) -> ScoreRules:
    """Return the content of a shipped rulebook."""
    path = Path(rfq.__file__).parent / "rulebooks" / "score" / f"{version}.toml"
    return ScoreRules.model_validate(tomllib.loads(path.read_text())["content"])


BOOKS = {version: book(version) for version in VERSIONS}
