"""What the demo's platform announced, in our own words; dates are those of the platform's rules."""

from typing import Any

BULLETINS: list[dict[str, Any]] = [
    {
        "at": "2021-07-20T10:00:00-07:00",
        "slug": "themes-by-country",
        "title_en": "Targeted themes now ask by country",
        "title_zh": "行业定向征品国家化升级",
        "body_en": (
            "Themes can name target countries. A product counts as national when one of its target "
            "countries is among the theme's.\n\nSystem attributes count, custom attributes do not. "
            "The list of matching products is two days behind."
        ),
        "body_zh": (
            "征品主题可以指定目标国家。商品的目标国家偏好满足其中任意一个，即为国家定向品。\n\n"
            "属性必须选择系统属性，自定义属性不计入。符合要求的商品列表数据延迟两天。"
        ),
        "actions": [
            {"text_en": "Browse the themes", "text_zh": "查看征品主题", "url": "/listings/themes/"}
        ],
    },
    {
        "at": "2022-07-26T10:00:00-07:00",
        "slug": "buyer-tiers-2022-08",
        "title_en": "Buyer tiers L0 to L4 replace the gold and blue labels",
        "title_zh": "买家分层升级：L0–L4 取代金标与蓝标",
        "body_en": (
            "From 1 August 2022 buyers carry tiers. You see “L1+” beside a buyer of tier L1 or above; "
            "verified suppliers of one star or more in the Million Dollar Club see L3 and L4 exactly."
        ),
        "body_zh": (
            "自 2022 年 8 月 1 日起买家按 L0–L4 分层。L1 及以上买家显示“L1+”；"
            "加入百万美金俱乐部的 1 星及以上金品诚企可以看到 L3 与 L4。"
        ),
        "effective_on": "2022-08-01",
    },
    {
        "at": "2022-11-15T10:00:00-08:00",
        "slug": "epr-germany-france",
        "title_en": "EPR numbers for Germany and France before 27 December",
        "title_zh": "德国、法国 EPR 合规：12 月 27 日前完成",
        "body_en": (
            "From 27 December 2022, 00:00 Pacific, products without every registration number needed "
            "cannot be sold to Germany or France.\n\nNumbers of one country or category never stand "
            "for another. Registering batteries in Germany can take twelve weeks."
        ),
        "body_zh": (
            "自美西时间 2022 年 12 月 27 日零时起，缺少所需注册号的商品将无法销往德国和法国。\n\n"
            "不同国家、不同品类的注册号不能互相替代。德国电池注册最长可能需要 12 周。"
        ),
        "effective_on": "2022-12-27",
        "questions_until": "2022-12-24T00:00:00-08:00",
    },
    {
        "at": "2022-11-29T10:00:00-08:00",
        "slug": "star-180-days-machinery",
        "title_en": "Star level: trade indicators of machinery now count 180 days",
        "title_zh": "商家星等级：机械等行业交易指标周期调整为 180 天",
        "body_en": (
            "For machinery and building trades the customization-track indicators of trade power use "
            "180 days instead of 90: predicted stars from 6 December, assessed from 5 January."
        ),
        "body_zh": (
            "机械、建材等行业定制赛道的交易力指标统计周期由 90 天调整为 180 天："
            "预测星等级 12 月 6 日起生效，评定星等级次年 1 月 5 日起生效。"
        ),
        "audience": [{"field": "industry", "op": "in", "value": ["machinery", "energy"]}],
        "effective_on": "2022-12-06",
    },
]
