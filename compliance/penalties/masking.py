"""Names as strangers see them on the public list of violations: starred, as the platform's notices do (CMP-6).

A member id keeps its ends, each hidden character a star: `ph******cr`, `y**r`, `e***e`. A Chinese
company keeps its place, its trade and its legal form, three stars for the rest: `义乌市***商行`. Another
company keeps its first letter and its legal form: `N****OPC`. What is too short to hide behind stars
shows nothing of itself. Pure.
"""

from __future__ import annotations

import re

STARS = "***"
LONG_ID = 8
"""From this length on two characters stay visible at each end."""
SHORT = 3
"""Up to this length at most the first character stays visible."""

_CHINESE = re.compile(r"[\u3400-\u9fff]")

# Places that companies are named after without 省, 市, 县 or 区.
_PLACE_NAMES = """
北京 天津 上海 重庆 河北 山西 内蒙古 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南 广东 广西 海南 四川 贵州 云南
西藏 陕西 甘肃 青海 宁夏 新疆 香港 澳门 台湾 石家庄 唐山 秦皇岛 邯郸 邢台 保定 张家口 承德 沧州 廊坊 衡水 太原 大同 阳泉 长治 晋城 运城
临汾 呼和浩特 包头 鄂尔多斯 沈阳 大连 鞍山 抚顺 丹东 锦州 营口 长春 哈尔滨 齐齐哈尔 大庆 牡丹江 南京 无锡 徐州 常州 苏州 南通 连云港
淮安 盐城 扬州 镇江 泰州 宿迁 江阴 宜兴 张家港 常熟 太仓 昆山 杭州 宁波 温州 嘉兴 湖州 绍兴 金华 衢州 舟山 台州 丽水 义乌 慈溪 余姚
永康 东阳 诸暨 海宁 桐乡 合肥 芜湖 蚌埠 马鞍山 安庆 滁州 阜阳 宿州 六安 亳州 福州 厦门 莆田 三明 泉州 漳州 南平 龙岩 宁德 晋江 石狮
南安 南昌 景德镇 九江 赣州 吉安 宜春 上饶 济南 青岛 淄博 枣庄 东营 烟台 潍坊 济宁 泰安 威海 日照 临沂 德州 聊城 滨州 菏泽 郑州 开封
洛阳 平顶山 安阳 鹤壁 新乡 焦作 濮阳 许昌 南阳 商丘 信阳 周口 驻马店 武汉 黄石 十堰 宜昌 襄阳 荆门 荆州 长沙 株洲 湘潭 衡阳 岳阳
常德 广州 韶关 深圳 珠海 汕头 佛山 江门 湛江 茂名 肇庆 惠州 梅州 阳江 清远 东莞 中山 潮州 揭阳 南宁 柳州 桂林 海口 三亚 成都 自贡
泸州 德阳 绵阳 乐山 宜宾 贵阳 遵义 昆明 曲靖 大理 西安 宝鸡 咸阳 渭南 汉中 榆林 兰州 西宁 银川 乌鲁木齐
"""
_PLACE = re.compile(
    r"[\u3400-\u9fff]{2,3}(?:自治[区州县]|[省市县区])|"
    + "|".join(sorted(_PLACE_NAMES.split(), key=len, reverse=True))
)
_TRADES = (
    "电子商务|信息技术|国际贸易|进出口|贸易|商贸|科技|工贸|实业|电子|电器|机械|轻纺|纺织|服装|服饰|鞋业|箱包|家具|"
    "家居|建材|五金|塑料|塑胶|包装|工艺品|礼品|玩具|体育用品|化工|生物|医疗器械|汽车配件|照明|百货|日用品"
)
_FORMS = (
    "股份有限公司|有限责任公司|集团有限公司|有限公司|集团公司|分公司|公司|商行|经营部|百货店|专卖店|门市部|"
    "工作室|合作社|加工厂|制品厂|商店|工厂|中心|超市|店|厂|行|部|社"
)
_CHINESE_END = re.compile(rf"(?:{_TRADES})*(?:{_FORMS})$")
_FORM_END = re.compile(_FORMS.join(("(?:", ")$")))

_LATIN_END = re.compile(
    r"[\s,.]+((?:pte|pvt|pty|co|company)?[\s,.]*"
    r"(?:limited|ltd|llc|llp|inc|incorporated|corp|corporation|gmbh|opc|plc|co|company)\.?)$",
    re.IGNORECASE,
)


def masked_member_id(member_id: str) -> str:
    """Return a member id with its middle starred: `phabcdefcr` → `ph******cr`.

    From 8 characters on two stay at each end, from 4 on one; of three the first, of fewer none.
    """
    text = member_id.strip()
    if len(text) < SHORT:
        return STARS
    if len(text) == SHORT:
        return f"{text[0]}**"
    ends = 2 if len(text) >= LONG_ID else 1
    return f"{text[:ends]}{'*' * (len(text) - 2 * ends)}{text[-ends:]}"


def masked_company(name: str) -> str:
    """Return a company name without what distinguishes it; Chinese and other names.

    The stars never tell how much they hide, except where a name without a legal form is starred
    like a member id.
    """
    text = " ".join(name.split())
    return _chinese(text) if _CHINESE.search(text) else _latin(text)


def _chinese(text: str) -> str:
    place = _PLACE.match(text)
    start = place.group() if place else ""
    rest = text[len(start) :]
    end = _CHINESE_END.search(rest)
    tail = end.group() if end else ""
    if rest == tail:
        # Place and trade are the whole name: of these only the legal form is shown.
        form = _FORM_END.search(text)
        return STARS + (form.group() if form and form.group() != text else "")
    return f"{start}{STARS}{tail}"


def _latin(text: str) -> str:
    form = _LATIN_END.search(text)
    if form is None:
        return masked_member_id(text)
    core = text[: form.start()]
    first = core[0] if len(core) >= SHORT else ""
    return f"{first}****{form.group(1)}"
