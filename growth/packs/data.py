"""The task packs every portal has after migration (GRO-9, GRO-10).

Each is made once, by its code: what staff change stays theirs. A file that runs month by month names its
`windows`; each is a pack of its own.
"""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from growth.models import Pack
from growth.services.pack_writing import packs_write
from portal.built_in import register_built_in

logger = logging.getLogger(__name__)
FOLDER = Path(__file__).parents[1] / "data" / "packs"


def shipped_packs() -> Iterator[dict[str, Any]]:
    """Yield the packs of the shipped files as rows for `packs_write`."""
    for path in sorted(FOLDER.glob("*.toml")):
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        said.pop("source")
        windows = said.pop("windows", None)
        if windows is None:
            yield said
            continue
        for window in windows:
            days = {name: window[name] for name in ("opens_on", "closes_on")}
            edition = window["edition"]
            yield {
                **said,
                **days,
                "code": f"{said['code']}-{edition}",
                "title_en": f"{said['title_en']} ({edition})",
                "title_zh": f"{said['title_zh']}（{edition}）",
            }


@register_built_in
def packs_load() -> None:
    """Make the packs that are missing. A mistake in a file is logged; a test finds it first."""
    known = set(Pack.objects.values_list("code", flat=True))
    for outcome in packs_write(rows=[row for row in shipped_packs() if row["code"] not in known]):
        for field, text in outcome.errors:
            logger.error("built-in task pack %s: %s: %s", outcome.code, field, text)
