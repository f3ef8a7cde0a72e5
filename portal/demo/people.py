"""Names of the demo's sellers, members and buyers: invented, none belongs to a real company."""

PASSWORD = "demo-portal-2022"  # noqa: S105  printed by `make run`; the demo holds nothing private

CITIES = [
    ("Guangdong", "广东", "Shenzhen", "深圳"),
    ("Zhejiang", "浙江", "Yiwu", "义乌"),
    ("Zhejiang", "浙江", "Ningbo", "宁波"),
    ("Guangdong", "广东", "Guangzhou", "广州"),
    ("Fujian", "福建", "Xiamen", "厦门"),
    ("Jiangsu", "江苏", "Suzhou", "苏州"),
    ("Shandong", "山东", "Qingdao", "青岛"),
    ("Hebei", "河北", "Shijiazhuang", "石家庄"),
]

WORDS = [
    ("Hengrui", "恒瑞达"),
    ("Bluepeak", "蓝峰"),
    ("Jinyuan", "金源通"),
    ("Oriental Wing", "东翼"),
    ("Sunlark", "旭雀"),
    ("Ruifeng", "瑞丰源"),
    ("Greatriver", "大江行"),
    ("Kaiwei", "凯维"),
    ("Northgate", "北门"),
    ("Lotus Field", "荷田"),
    ("Tianmu", "天沐"),
    ("Silverline", "银线"),
    ("Haoyi", "好易"),
    ("Redbridge", "赤桥"),
    ("Xinyao", "新曜"),
]

TRADES = {
    "sports": ("Sports Goods", "运动用品"),
    "bags": ("Bags", "箱包"),
    "electronics": ("Electronics", "电子"),
    "apparel": ("Garments", "服饰"),
    "jewelry": ("Jewelry", "饰品"),
    "home": ("Housewares", "家居"),
    "lighting": ("Lighting", "照明"),
    "beauty": ("Cosmetics", "化妆品"),
    "machinery": ("Machinery", "机械"),
    "vehicle-parts": ("Auto Parts", "汽配"),
    "energy": ("New Energy", "新能源"),
}

OWNERS = [
    "linmei",
    "wangjun",
    "zhaolei",
    "chenyu",
    "sunhao",
    "zhouting",
    "wuqiang",
    "zhengna",
    "fengbo",
    "hanxue",
    "duanpeng",
    "xulan",
    "caojie",
    "tangwei",
    "luoyan",
    "huming",
    "gaofei",
    "shenyi",
    "panrui",
    "daiwen",
    "weixin",
    "jiangtao",
    "yaoqin",
    "renkai",
    "liaoxi",
    "fangyuan",
    "shiyun",
    "qianlong",
    "baihe",
    "moran",
]

STAFF = [
    ("admin", ["admin"], True),
    ("operator", ["operator"], False),
    ("reviewer", ["reviewer"], False),
    ("risk", ["risk officer"], False),
]

BUYER_WORDS = [
    "Nordhaus",
    "Maple",
    "Vela",
    "Kestrel",
    "Sunny",
    "Arbor",
    "Cobalt",
    "Delta",
    "Orion",
    "Prime",
]
BUYER_TRADES = ["Trading", "Imports", "Retail", "Wholesale", "Supply", "Outfitters"]
BUYER_COUNTRIES = [
    "US",
    "US",
    "US",
    "CA",
    "GB",
    "DE",
    "FR",
    "AU",
    "MX",
    "BR",
    "ID",
    "MY",
    "NL",
    "ES",
    "IT",
    "PL",
    "AE",
    "SA",
    "ZA",
    "JP",
]
