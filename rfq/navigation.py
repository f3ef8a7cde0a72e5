"""The RFQ section of the left navigation."""

from django.utils.translation import gettext_lazy as _

from portal.navigation import NavItem, NavSection, register_section

register_section(
    NavSection(
        # Translators: 采购直达
        _("RFQ"),
        (
            # Translators: 商机市场
            NavItem(_("RFQ market"), "shop-window", "rfq:market", ("rfq:rfq", "rfq:search-")),
        ),
        20,
    )
)
