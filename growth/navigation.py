"""The growth section of the left navigation."""

from django.utils.translation import gettext_lazy as _

from portal.navigation import NavItem, NavSection, register_section

register_section(
    NavSection(
        # Translators: 商家成长
        _("Growth"),
        (
            # Translators: 成长指引
            NavItem(_("Growth guide"), "signpost-split", "growth:guide"),
            # Translators: 智能诊断
            NavItem(
                _("Diagnosis"), "clipboard2-pulse", "growth:diagnosis", ("growth:diagnosis-",)
            ),
            # Translators: 任务包
            NavItem(
                _("Task packs"),
                "box2-heart",
                "growth:packs",
                ("growth:pack", "growth:pack-", "growth:rewards", "growth:reward-"),
            ),
        ),
        10,
    )
)
