"""The compliance section of the left navigation."""

from django.utils.translation import gettext_lazy as _

from portal.navigation import NavItem, NavSection, register_section

register_section(
    NavSection(
        _("Compliance"),
        (
            # Translators: 生产者责任延伸（EPR）
            NavItem(
                _("EPR overview"),
                "recycle",
                "compliance:overview",
                ("compliance:products", "compliance:impact"),
            ),
            # Translators: 证书
            NavItem(
                _("Certificates"),
                "patch-check",
                "compliance:certificates",
                ("compliance:certificate",),
            ),
            NavItem(
                _("What products contain"),
                "ui-checks",
                "compliance:traits",
                ("compliance:traits-",),
            ),
            # Translators: 申报日历
            NavItem(
                _("Declarations"),
                "calendar-check",
                "compliance:calendar",
                ("compliance:calendar-",),
            ),
            # Translators: EPR注册服务
            NavItem(
                _("Registration services"),
                "bag-plus",
                "compliance:services",
                ("compliance:service-",),
            ),
            # Translators: 行业资质准入
            NavItem(_("Industry admissions"), "door-open", "compliance:admissions"),
            # Translators: 被打断的交易
            NavItem(_("Blocked trades"), "sign-stop", "compliance:gate-blocks"),
            # Translators: 违规记录
            NavItem(
                _("Violations"),
                "shield-exclamation",
                "compliance:violations",
                ("compliance:violation", "compliance:violations-"),
            ),
            # Translators: 禁限售词
            NavItem(_("Words in products"), "search", "compliance:words"),
            # Translators: 重点保护的知识产权
            NavItem(
                _("Protected marks"), "c-circle", "compliance:marks", ("compliance:mark-case",)
            ),
            # Translators: 限售化学品
            NavItem(_("Chemicals"), "droplet-half", "compliance:chemicals"),
        ),
        30,
    )
)
