"""Codes of vouchers that nobody can guess, from reward coupons and from offers (GRO-8, GRO-18)."""

from __future__ import annotations

import secrets

VOUCHER_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without 0, 1, I and O, which people mix up."""
GROUPS, IN_GROUP = 4, 4


def voucher_code() -> str:
    """Return a new code: 80 random bits in four groups, such as `ABCD-EFGH-JKLM-NPQR`."""
    groups = (
        "".join(secrets.choice(VOUCHER_LETTERS) for _letter in range(IN_GROUP))
        for _group in range(GROUPS)
    )
    return "-".join(groups)
