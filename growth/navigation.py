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
            NavItem(_("Diagnosis"), "clipboard2-pulse", "growth:diagnosis", ("growth:diagnosis-",)),
            # Translators: 商家星等级
            NavItem(_("Star level"), "star", "growth:star"),
            # Translators: 任务包
            NavItem(
                _("Task packs"),
                "box2-heart",
                "growth:packs",
                ("growth:pack", "growth:pack-", "growth:rewards", "growth:reward-"),
            ),
            # Translators: 官方活动报名
            NavItem(
                _("Programmes"),
                "megaphone",
                "growth:programmes",
                ("growth:programme", "growth:programme-"),
            ),
            # Translators: 会员身份&权益
            NavItem(
                _("Membership and rights"),
                "award",
                "growth:rights",
                ("growth:rights-", "growth:strength-labels", "growth:supplier-card"),
            ),
        ),
        10,
    )
)
