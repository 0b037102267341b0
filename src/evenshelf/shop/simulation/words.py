"""The assortment of the simulated shop: categories from frequent to rare, and the words its titles are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tongue = Literal["en", "zh"]


@dataclass(frozen=True)
class Department:
    """A part of the shop: its names, its brands and words that any of its titles may use."""

    names: dict[Tongue, str]
    brands: tuple[tuple[str, str], ...]
    words: dict[Tongue, tuple[str, ...]]


@dataclass(frozen=True)
class Category:
    """A category, what else it is called, what is said of it, and what it usually costs."""

    department: str
    names: dict[Tongue, str]
    synonyms: dict[Tongue, tuple[str, ...]]
    hints: dict[Tongue, tuple[str, ...]]
    price: float


def _two(en: str, zh: str) -> dict[Tongue, tuple[str, ...]]:
    return {"en": tuple(en.split(", ")), "zh": tuple(zh.split("、"))}


DEPARTMENTS = {
    "clothes": Department(
        {"en": "Clothes", "zh": "服装"},
        (
            ("Nordvik", "诺维克"),
            ("Lindqvist", "林奎"),
            ("Maple & Moor", "枫野"),
            ("Ardent", "雅登特"),
            ("Yuno", "优诺"),
        ),
        _two(
            "cotton, slim fit, regular fit, casual, stretch, printed, striped, solid, soft, summer, winter",
            "纯棉、修身、宽松、休闲、弹力、印花、条纹、纯色、柔软、夏季、加绒",
        ),
    ),
    "shoes": Department(
        {"en": "Shoes", "zh": "鞋靴"},
        (("Fjellrun", "飞岭"), ("Cobbler Lane", "匠巷"), ("Ardent", "雅登特"), ("Velox", "威乐"), ("Tundra", "冻原")),
        _two(
            "leather, lightweight, breathable, cushioned, waterproof, non-slip, casual, lace-up, wide fit",
            "真皮、轻便、透气、减震、防水、防滑、休闲、系带、加宽",
        ),
    ),
    "home": Department(
        {"en": "Home", "zh": "家居"},
        (("Hearthly", "暖居"), ("Oak & Iron", "橡铁"), ("Casa Lumen", "光屋"), ("Yuno", "优诺"), ("Plain Co", "素品")),
        _two(
            "wooden, modern, foldable, adjustable, large, small, set of 2, easy to clean, rustic, space saving",
            "实木、现代简约、可折叠、可调节、大号、小号、两件套、易清洗、复古、省空间",
        ),
    ),
    "electronics": Department(
        {"en": "Electronics", "zh": "数码"},
        (("Pixelon", "像素龙"), ("Velox", "威乐"), ("Sonara", "索纳"), ("Qubit", "量子位"), ("Plain Co", "素品")),
        _two(
            "wireless, portable, fast charging, USB-C, Bluetooth, black, compact, rechargeable, high speed, 2 pack",
            "无线、便携、快充、Type-C接口、蓝牙、黑色、迷你、可充电、高速、两只装",
        ),
    ),
    "outdoor": Department(
        {"en": "Sport and outdoor", "zh": "运动户外"},
        (("Fjellrun", "飞岭"), ("Tundra", "冻原"), ("Nordvik", "诺维克"), ("Crag", "岩角"), ("Velox", "威乐")),
        _two(
            "lightweight, waterproof, portable, professional, beginner, training, outdoor, durable, non-slip",
            "轻量、防水、便携、专业、入门、训练、户外、耐用、防滑",
        ),
    ),
    "beauty": Department(
        {"en": "Beauty", "zh": "美妆个护"},
        (("Lumière", "露蜜"), ("Botanica", "植萃"), ("Ardent", "雅登特"), ("Miyori", "美依"), ("Plain Co", "素品")),
        _two(
            "natural, moisturising, sensitive skin, long lasting, fragrance free, 50 ml, travel size, gift, vegan",
            "天然、保湿、敏感肌、持久、无香、50ml、旅行装、礼盒、植物",
        ),
    ),
}
"""Departments by key. Some brands sell in several of them, so a brand alone does not give a category away."""


# Two lines a category: department, price, name, synonyms, hints; and the last three in Chinese. Synonyms and
# hints overlap between neighbours on purpose: "trainers" may be one of many kinds of shoe.
_TABLE = """
clothes | 15 | T-Shirt | tee, top, crew neck | short sleeve, graphic, round neck
    T恤、短袖、上衣、体恤 | 圆领、短袖、图案
clothes | 30 | Shirt | button-down, blouse, top | long sleeve, collared, formal
    衬衫、衬衣、上衣 | 长袖、翻领、商务
electronics | 12 | Phone Case | cover, bumper, shell | shockproof, for iPhone, for Galaxy
    手机壳、保护套、外壳 | 防摔、苹果适用、三星适用
clothes | 45 | Jeans | denims, denim trousers | denim, five pocket, washed
    牛仔裤、丹宁裤、长裤 | 丹宁、水洗、五袋
shoes | 50 | Casual Shoe | trainers, loafers, slip-ons | canvas, everyday, street
    休闲鞋、板鞋、便鞋 | 帆布、百搭、街头
home | 10 | Cushion Cover | pillow case, throw cover | 45 x 45 cm, velvet, zip
    抱枕套、靠垫套、枕套 | 45x45、天鹅绒、拉链
electronics | 60 | Headphones | earbuds, earphones, headset | noise cancelling, in-ear, bass
    耳机、耳塞、耳麦 | 降噪、入耳式、重低音
clothes | 40 | Dress | gown, frock, maxi | floral, midi, sleeveless
    连衣裙、长裙、裙子 | 碎花、中长款、无袖
beauty | 25 | Face Cream | moisturiser, day cream, lotion | hyaluronic, anti-ageing, SPF 30
    面霜、日霜、乳液 | 玻尿酸、抗皱、防晒
home | 9 | Mug | cup, coffee cup, tumbler | ceramic, 350 ml, dishwasher safe
    马克杯、杯子、水杯 | 陶瓷、350ml、咖啡
electronics | 11 | Charging Cable | lead, cord, charger | braided, 2 m, for iPhone
    数据线、充电线、充电器 | 编织、2米、苹果适用
clothes | 70 | Jacket | coat, windbreaker, outerwear | zip, hooded, quilted
    夹克、外套、风衣 | 拉链、连帽、绗缝
shoes | 28 | Sandal | flip-flops, slides, mules | open toe, beach, strap
    凉鞋、拖鞋、沙滩鞋 | 露趾、沙滩、绑带
beauty | 18 | Lipstick | lip colour, lip tint, lip gloss | matte, red, creamy
    口红、唇膏、唇釉 | 哑光、正红、丝绒
home | 16 | Bath Towel | towel, bath sheet | absorbent, terry, quick dry
    浴巾、毛巾、澡巾 | 吸水、毛圈、速干
electronics | 55 | Keyboard | keypad, gaming board | mechanical, backlit, RGB
    键盘、打字键盘 | 机械、背光、青轴
clothes | 38 | Hoodie | sweatshirt, pullover, jumper | hooded, fleece, kangaroo pocket
    卫衣、帽衫、套头衫 | 连帽、抓绒、口袋
home | 32 | Table Lamp | desk light, bedside light | LED, dimmable, warm light
    台灯、床头灯、灯具 | LED、调光、暖光
electronics | 22 | Computer Mouse | mouse, trackball | ergonomic, silent click, DPI
    鼠标、轨迹球 | 人体工学、静音、DPI
outdoor | 24 | Yoga Mat | exercise mat, fitness mat | 6 mm, pilates, carrying strap
    瑜伽垫、健身垫、垫子 | 6mm、普拉提、收纳绑带
clothes | 8 | Socks | ankle socks, stockings | 5 pairs, cushioned sole, knee high
    袜子、短袜、船袜 | 五双装、毛圈底、中筒
home | 20 | Storage Box | basket, organiser, bin | with lid, stackable, for shoes
    收纳箱、储物盒、整理箱 | 带盖、可叠放、鞋子收纳
beauty | 12 | Shampoo | hair wash, hair cleanser | anti-dandruff, dry hair, argan
    洗发水、洗发露 | 去屑、干性发质、摩洛哥油
electronics | 30 | Power Bank | battery pack, portable charger | 10000 mAh, LED display, slim
    充电宝、移动电源、充电器 | 10000毫安、数显、超薄
home | 35 | Shoe Rack | shoe shelf, shoe cabinet, organiser | 3 tier, hallway, for 12 pairs of shoes
    鞋架、鞋柜、收纳架 | 三层、门厅、可放12双鞋
shoes | 80 | Boot | ankle boots, chelsea boots | suede, fur lined, block heel
    靴子、短靴、切尔西靴 | 麂皮、毛里、粗跟
home | 34 | Frying Pan | skillet, wok, cookware | non-stick, 28 cm, induction
    平底锅、煎锅、炒锅 | 不粘、28厘米、电磁炉适用
outdoor | 48 | Backpack | rucksack, daypack, bag | 30 l, laptop sleeve, hiking
    双肩包、背包、书包 | 30升、电脑隔层、徒步
electronics | 120 | Smart Watch | fitness band, tracker, watch | heart rate, GPS, step counter
    智能手表、手环、运动表 | 心率、GPS、计步
beauty | 65 | Perfume | eau de parfum, fragrance, scent | floral, woody, spray
    香水、淡香精、香氛 | 花香、木质调、喷雾
clothes | 22 | Scarf | shawl, wrap, neckerchief | wool, cashmere, checked
    围巾、披肩、丝巾 | 羊毛、羊绒、格子
outdoor | 30 | Dumbbell | weights, hand weights | 5 kg, neoprene, home gym
    哑铃、手铃 | 5公斤、浸塑、家用健身
shoes | 60 | High Heel | pumps, stilettos, court shoes | 8 cm, pointed toe, party
    高跟鞋、细跟鞋、单鞋 | 8厘米、尖头、宴会
outdoor | 110 | Tent | shelter, bivouac, dome | 2 person, camping, pop-up
    帐篷、天幕、营帐 | 双人、露营、速开
electronics | 45 | Webcam | camera, conference camera | 1080p, microphone, autofocus
    摄像头、网络摄像机、相机 | 1080P、麦克风、自动对焦
shoes | 85 | Running Shoe | trainers, sneakers, jogging shoes | mesh, marathon, road, cushioned sole
    跑步鞋、跑鞋、运动鞋 | 网面、马拉松、路跑、缓震
outdoor | 75 | Sleeping Bag | mummy bag, quilt | down, 3 season, camping
    睡袋、羽绒被 | 羽绒、三季、露营
shoes | 95 | Basketball Shoe | trainers, high-tops, sneakers | ankle support, indoor court, grip
    篮球鞋、球鞋、运动鞋 | 高帮、护踝、室内场地
home | 33 | Clothes Airer | drying rack, laundry rack | balcony, folding wings, for towels
    晾衣架、晒衣架、衣架 | 阳台、翼型、可晒毛巾
shoes | 5 | Shoelace | laces, elastic laces | for running shoes, for boots, no tie
    鞋带、懒人鞋带 | 跑步鞋用、靴子用、免系
shoes | 105 | Trail Running Shoe | trainers, off-road shoes, sneakers | mountain, rugged sole, grip, mesh
    越野跑鞋、运动鞋、山地鞋 | 山地、大底、抓地、网面
outdoor | 130 | Climbing Rope | rope, static line | 60 m, 9.8 mm, dry treated
    攀岩绳、绳索、静力绳 | 60米、9.8mm、防水处理
shoes | 78 | Football Boot | cleats, soccer shoes, trainers | firm ground, studs, pitch
    足球鞋、钉鞋、运动鞋 | 碎钉、草地、球场
outdoor | 40 | Badminton Racket | racquet, bat | carbon, pair, with shuttlecocks
    羽毛球拍、球拍 | 碳素、双拍、送羽毛球
shoes | 88 | Tennis Shoe | court shoes, trainers, sneakers | clay court, lateral support, grip
    网球鞋、球鞋、运动鞋 | 红土、侧向支撑、场地
shoes | 125 | Cycling Shoe | bike shoes, cleats | road bike, carbon sole, clip-in
    骑行鞋、锁鞋、单车鞋 | 公路车、碳底、自锁
shoes | 110 | Climbing Shoe | rock shoes, bouldering slippers | downturned, sticky rubber, rock
    攀岩鞋、抱石鞋 | 下弯、粘性橡胶、岩壁
shoes | 46 | Dance Shoe | jazz shoes, ballet slippers | suede sole, ballroom, soft
    舞蹈鞋、舞鞋、软底鞋 | 麂皮底、拉丁、芭蕾
"""


def _parse(english: str, chinese: str) -> Category:
    department, price, name, synonyms, hints = english.split(" | ")
    nouns, hints_zh = chinese.strip().split(" | ")
    name_zh, *synonyms_zh = nouns.split("、")
    return Category(
        department,
        {"en": name, "zh": name_zh},
        {"en": tuple(synonyms.split(", ")), "zh": tuple(synonyms_zh)},
        _two(hints, hints_zh),
        float(price),
    )


_LINES = _TABLE.strip().splitlines()
CATEGORIES: tuple[Category, ...] = tuple(map(_parse, _LINES[::2], _LINES[1::2]))
"""From frequent to rare."""

AUDIENCES = _two("Men's, Women's, Kids', Unisex", "男士、女士、儿童、情侣")
COLOURS = _two("Black, White, Navy, Grey, Red, Olive, Sand, Blue", "黑色、白色、藏青、灰色、红色、橄榄绿、米色、蓝色")
PROMOTIONS = _two("New, Sale, 2024, Original, Best Seller, Free Shipping", "新款、特价、2024、正品、热卖、包邮")
# Nouns that name something the item is used with or goes with, not what it is.
COMPANIONS = _two(
    "for Running Shoes, with Backpack, for Phone, gift with Mug, matches Jeans, for Yoga Mat, for Boots, with Socks",
    "跑步鞋适用、送背包、手机适用、送马克杯、配牛仔裤、瑜伽垫适用、靴子适用、送袜子",
)
