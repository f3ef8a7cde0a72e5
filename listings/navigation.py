"""The listings section of the left navigation."""

from django.utils.translation import gettext_lazy as _

from portal.navigation import NavItem, NavSection, register_section

register_section(
    NavSection(
        _("Listings"),
        (
            NavItem(_("Products"), "boxes", "listings:products", ("listings:product-",)),
            # Translators: 行业定向征品
            NavItem(
                _("Targeted themes"),
                "bullseye",
                "listings:themes",
                ("listings:theme", "listings:theme-"),
            ),
            # Translators: 符合要求的产品
            NavItem(
                _("Matched products"), "check2-circle", "listings:matches", ("listings:match-",)
            ),
        ),
        10,
    )
)
