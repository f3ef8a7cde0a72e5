"""Names of the numbers only upstream knows that growth asks for (`ext.*`); yes or no is 1 or 0."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.metrics import name_external_metrics

name_external_metrics(
    {
        # Translators: 企业认证
        "ext.company_authenticated": _("Company authenticated"),
        # Translators: 开店准备
        "ext.shop_prepared": _("Shop prepared"),
        # Translators: 开通信保
        "ext.trade_assurance_active": _("Trade assurance active"),
        # Translators: 潜力品
        "ext.potential_products": _("Potential products"),
        # Translators: 询盘外呼提醒
        "ext.call_reminder": _("Call reminder for inquiries on"),
        # Translators: 优化橱窗配置
        "ext.showcase_rearranged": _("Showcase re-arranged"),
        # Translators: 优化P4P关键词
        "ext.keyword_promotion_tuned": _("Keyword promotion tuned"),
        # Translators: 实力名片
        "ext.strength_card_set": _("Strength card set up"),
        # Translators: 产业带/行业能力认证
        "ext.industry_capability_certified": _("Industry capability certified"),
        # Translators: 实力优品
        "ext.strong_products": _("Strong products"),
        "ext.strong_products_in_showcase": _("Strong products in the showcase"),
        # Translators: 商品成长分≥75的商品
        "ext.products_score_75": _("Products with a growth score of at least 75"),
        "ext.export_years": _("Years of export"),
        "ext.business_years": _("Years in business"),
        "ext.odm": _("ODM service"),
        "ext.brand_oem": _("Manufacturing for brands"),
        "ext.floor_area": _("Floor area (m²)"),
        "ext.qc_staff": _("Staff in quality control"),
        "ext.rd_staff": _("Staff in development"),
        "ext.patents": _("Patents"),
        "ext.private_moulds": _("Own moulds"),
        "ext.employees": _("Employees"),
        "ext.yearly_export_cny": _("Yearly export (CNY)"),
        "ext.marketing_spend_cny": _("Marketing spend (CNY)"),
        "ext.listed_company": _("Listed company"),
        # Translators: 省级著名商标
        "ext.famous_mark": _("Provincial famous mark"),
        # Translators: 高新技术企业
        "ext.high_tech_company": _("High-tech company"),
        "ext.brand_years": _("Years since the brand was registered"),
        "ext.word_price_cny": _("Price of the word (CNY)"),
    }
)
