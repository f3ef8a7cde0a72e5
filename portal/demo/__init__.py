"""The demo world: sellers in every stage, a lived-through year and a half, all made up.

`catalogue.toml` holds what people read (categories, attributes, product words); `world` and its
neighbours turn it into rows of the ingest kinds, the same on every machine; `build` feeds them and
runs the nights.
"""

from __future__ import annotations


def log_in_lines() -> list[str]:
    """Return the lines that tell a newcomer how to sign in."""
    from portal.demo.people import OWNERS, PASSWORD

    return [
        f"Seller, large verified shop   {OWNERS[0]:<14} {PASSWORD}",
        f"Salesperson of that shop      {OWNERS[0] + '-sales':<14} {PASSWORD}",
        f"Read-only in that shop        {OWNERS[0] + '-viewer':<14} {PASSWORD}",
        f"Seller, first month           {OWNERS[12]:<14} {PASSWORD}",
        f"Seller, not open yet          {OWNERS[11]:<14} {PASSWORD}",
        f"Staff, everything             {'admin':<14} {PASSWORD}   (/admin/)",
        f"Staff by group                operator, reviewer, risk: {PASSWORD}",
    ]
