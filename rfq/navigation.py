"""The RFQ section of the left navigation."""

from django.utils.translation import gettext_lazy as _

from portal.navigation import NavItem, NavSection, register_section

register_section(
    NavSection(
        # Translators: 采购直达
        _("RFQ"),
        (
            # Translators: 商机市场
            NavItem(
                _("RFQ market"),
                "shop-window",
                "rfq:market",
                ("rfq:rfq", "rfq:search-", "rfq:spam-"),
            ),
            # Translators: 我的报价
            NavItem(
                _("My quotes"),
                "send",
                "rfq:quotes",
                ("rfq:quote-", "rfq:quote", "rfq:templates", "rfq:template", "rfq:template-"),
            ),
            # Translators: RFQ服务分
            NavItem(_("Service score"), "speedometer2", "rfq:score", ("rfq:score-",)),
            # Translators: 我的权益
            NavItem(_("Your rights"), "ticket-perforated", "rfq:rights", ("rfq:rights-",)),
            NavItem(_("Orders from RFQ"), "bag-check", "rfq:orders", ("rfq:order-",)),
            # Translators: GMV挑战赛
            NavItem(_("GMV challenge"), "trophy", "rfq:challenge", ("rfq:challenge-",)),
        ),
        5,
    )
)
