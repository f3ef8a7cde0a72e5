"""Names on the public list are starred (CMP-6)."""

from __future__ import annotations

import pytest

from compliance.penalties.masking import masked_company, masked_member_id

pytestmark = pytest.mark.rule("CMP-6")


@pytest.mark.parametrize(
    ("member_id", "masked"),
    [
        # As the platform's notices show them.
        ("pharmaincr", "ph******cr"),
        ("yuer", "y**r"),
        ("emile", "e***e"),
        ("jiayuan66", "ji*****66"),
        # What is short hides itself.
        ("cn10012", "c*****2"),
        ("cn100123", "cn****23"),
        ("abc", "a**"),
        ("ab", "***"),
        ("a", "***"),
        ("", "***"),
    ],
)
def test_member_ids_keep_their_ends(member_id: str, masked: str) -> None:
    assert masked_member_id(member_id) == masked


@pytest.mark.parametrize(
    ("company", "masked"),
    [
        # As the platform's notices show them: the place, the trade, the legal form.
        ("义乌市鑫宇商行", "义乌市***商行"),
        ("义乌市晨曦电子商务商行", "义乌市***电子商务商行"),
        ("陕西惠生科技有限公司", "陕西***科技有限公司"),
        ("枣强县大营皮草经营部", "枣强县***经营部"),
        ("厦门市海天商贸有限公司", "厦门市***商贸有限公司"),
        ("泉州市凯达轻纺有限公司", "泉州市***轻纺有限公司"),
        ("深圳海成商贸公司", "深圳***商贸公司"),
        ("瑞昌市好又多百货店", "瑞昌市***百货店"),
        ("Nova OPC", "N****OPC"),
        ("Persefonese", "Pe*******se"),
        # Other shapes.
        ("苏州电动车有限公司", "苏州***有限公司"),
        ("内蒙古自治区大草原有限公司", "内蒙古自治区***有限公司"),
        ("颂辞（上海）贸易有限公司", "***贸易有限公司"),
        ("1号店", "***店"),
        ("Suzhou E-Bike Kits Ltd", "S****Ltd"),
        ("Ningbo Wheels Co., Ltd.", "N****Co., Ltd."),
        ("  Müller   GmbH ", "M****GmbH"),
        # Where nothing is left to hide, less is shown.
        ("义乌市商行", "***商行"),
        ("西安有限公司", "***有限公司"),
        ("商行", "***"),
        ("鑫", "***"),
        ("Al Ltd", "****Ltd"),
        ("Al", "***"),
        ("", "***"),
    ],
)
def test_companies_keep_place_trade_and_form(company: str, masked: str) -> None:
    assert masked_company(company) == masked


@pytest.mark.parametrize("core", ["鑫", "鑫宇", "好又多连锁", "大营皮草"])
def test_the_stars_do_not_tell_how_long_a_name_is(core: str) -> None:
    assert masked_company(f"义乌市{core}商行") == "义乌市***商行"
    assert masked_company(f"{'Nova' * len(core)} Ltd") == "N****Ltd"
