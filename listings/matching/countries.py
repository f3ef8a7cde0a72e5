"""Country and service sets as bit masks.

Positions are part of stored rows: append only, never reorder.
"""

from __future__ import annotations

from collections.abc import Iterable

MASKS = 4
BITS = 63
"""Bits used of each signed 64-bit integer."""

COUNTRIES = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS "
    "BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE "
    "EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM "
    "HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC "
    "LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA "
    "NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW "
    "SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO "
    "TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW XK"
).split()
"""ISO 3166-1 alpha-2 codes by position, and Kosovo's customary XK."""

_POSITION = {code: position for position, code in enumerate(COUNTRIES)}

SERVICE_CODES = (
    "sample customization overseas_after_sales dispatch_7d linked_certificate traceability "
    "production_view video"
).split()
"""Services with a bit of their own. Any other code is matched as an attribute value (`SERVICE`)."""

SERVICE = "\x1fservice"
"""Attribute code under which a service without a bit is hashed; no real code can hold its first sign."""

_SERVICE_BIT = {code: 1 << position for position, code in enumerate(SERVICE_CODES)}


def is_country(code: str) -> bool:
    """Tell whether the ISO 3166-1 alpha-2 code is known (upper case)."""
    return code in _POSITION


def country_masks(codes: Iterable[str]) -> tuple[int, int, int, int]:
    """Return the four masks of a set of countries; unknown codes have no bit and are left out."""
    masks = [0] * MASKS
    for code in codes:
        position = _POSITION.get(code.strip().upper())
        if position is not None:
            masks[position // BITS] |= 1 << position % BITS
    return masks[0], masks[1], masks[2], masks[3]


def service_mask(codes: Iterable[str]) -> tuple[int, list[str]]:
    """Return the mask of the services that have a bit, and the sorted codes that have none."""
    mask, others = 0, set()
    for code in codes:
        bit = _SERVICE_BIT.get(code)
        if bit is None:
            others.add(code)
        else:
            mask |= bit
    return mask, sorted(others)
