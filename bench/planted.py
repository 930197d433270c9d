"""Word problems with planted twins and traps, English and Chinese: what the quality of a deduplicator is measured on.

Its words and synonyms are its own: mathdata never imports this file, and a test proves it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

TWINS = ("format", "number_words", "sentence_order", "clause_order", "synonyms", "mixed")
TRAPS = (
    "other_numbers", "numbers_swapped", "names_swapped", "objects_swapped", "question_changed", "verb_changed",
    "unit_changed", "comparison_changed", "negation_changed",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Planted:
    """An original, a variant of it, and whether the variant asks the same."""

    kind: str
    original: str
    variant: str
    same: bool


@dataclass(slots=True)
class Story:
    """A problem as parts that can be changed one by one: facts (in free order) and a question."""

    facts: list[str]
    question: str
    slots: dict[str, str]

    def text(self) -> str:
        return self.join([*self.facts, self.question]).format(**self.slots)

    def join(self, parts: list[str]) -> str:
        return " ".join(parts)

    def copy(self, **slots: str) -> Story:
        return type(self)(list(self.facts), self.question, {**self.slots, **slots})


class Chinese(Story):
    def join(self, parts: list[str]) -> str:
        return "".join(parts)


# --- English ---------------------------------------------------------------------------------------------------
NAMES = [
    "Tom",
    "Ann",
    "Bob",
    "Carla",
    "Dmitri",
    "Elena",
    "Farid",
    "Greta",
    "Hugo",
    "Ines",
    "Jamal",
    "Kira",
    "Liam",
    "Mona",
    "Nadia",
    "Omar",
    "Paula",
    "Quinn",
    "Rosa",
    "Sven",
    "Tara",
    "Uma",
    "Viktor",
    "Wanda",
    "Xavier",
    "Yara",
    "Zane",
    "Alice",
    "Bruno",
    "Clara",
]
OBJECTS = [
    "apples",
    "pears",
    "marbles",
    "stickers",
    "pencils",
    "notebooks",
    "coins",
    "shells",
    "buttons",
    "ribbons",
    "lanterns",
    "candles",
    "bracelets",
    "postcards",
    "stamps",
    "puzzles",
    "kites",
    "magnets",
    "tulips",
    "pebbles",
    "crayons",
    "badges",
    "feathers",
    "beads",
    "scarves",
    "muffins",
    "pretzels",
    "walnuts",
    "plums",
    "dolls",
]
COLOURS = [
    "red",
    "blue",
    "green",
    "yellow",
    "purple",
    "orange",
    "silver",
    "golden",
    "striped",
    "wooden",
    "plastic",
    "shiny",
    "tiny",
    "heavy",
    "old",
    "dusty",
    "spotted",
]
PLACES = [
    "market",
    "school",
    "library",
    "garage",
    "harbour",
    "museum",
    "stadium",
    "bakery",
    "station",
    "village",
    "workshop",
    "attic",
    "campsite",
    "castle",
    "theatre",
    "hospital",
    "orchard",
    "warehouse",
]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
FACTS = [
    "{a} has {n1} {c1} {x} in a {box} near the {place}.",
    "In the {place}, {b} keeps {n2} {c2} {y} on a {tall} shelf.",
    "{a} {buys} {n1} {c1} {x} at the {place}, and the {seller} smiles.",
    "On {day}, {b} {finds} {n2} {c2} {y} behind the {place}.",
    "{a} puts {n1} {c1} {x} into a {box}, while {b} stores {n2} {c2} {y} in a {sack}.",
    "A {quiet} neighbour {gives} {b} {n3} {c1} {x} after lunch.",
    "Each {box} of {y} costs {n3} dollars at the {place}.",
    "{b} has {n3} {more} {x} than {a} at the {start} of the week.",
    "The {place} opens at {n4} o'clock and sells {c2} {y} to {happy} visitors.",
    "{a} walks {n4} {miles} to the {place} every {day}.",
    "Every {box} weighs {n2} {pounds} because of the {quiet} packing.",
]
QUESTIONS = [
    "How many {x} does {a} have in total?",
    "How many {x} are left for {a}?",
    "How much money does {b} spend on {y}?",
    "What is the total number of {x} and {y}?",
    "How many {more} {x} than {y} does {b} have?",
]
WORDS = {
    "box": ["box", "jar", "crate", "bag"], "tall": ["tall", "narrow", "long"], "buys": ["buys"], "finds": ["finds"],
    "gives": ["gives"], "seller": ["seller", "clerk", "owner"], "sack": ["sack", "trunk", "chest"],
    "quiet": ["quiet", "careful", "friendly"], "more": ["more"], "start": ["start"], "happy": ["happy", "curious"],
    "miles": ["miles"], "pounds": ["pounds"],
}  # fmt: skip
SYNONYMS = {
    "box": {"box": "carton", "jar": "pot", "crate": "bin", "bag": "pouch"},
    "seller": {"seller": "vendor", "clerk": "cashier", "owner": "proprietor"},
    "quiet": {"quiet": "silent", "careful": "cautious", "friendly": "kind"},
    "happy": {"happy": "cheerful", "curious": "inquisitive"},
    "sack": {"sack": "satchel", "trunk": "locker", "chest": "coffer"},
    "buys": {"buys": "purchases"},
    "finds": {"finds": "discovers"},
    "start": {"start": "beginning"},
}
PHRASES = [("in total", "altogether"), ("are left", "remain"), ("How many", "What number of"), ("Each", "Every"),
           ("every", "each"), ("In the", "Inside the"), ("because of", "due to")]  # fmt: skip
HELD_OUT = {
    "box": {"box": "receptacle", "jar": "flask", "crate": "casket", "bag": "tote"},
    "seller": {"seller": "merchant", "clerk": "attendant", "owner": "keeper"},
    "quiet": {"quiet": "calm", "careful": "prudent", "friendly": "amiable"},
    "happy": {"happy": "merry", "curious": "nosy"},
    "sack": {"sack": "rucksack", "trunk": "suitcase", "chest": "strongbox"},
    "tall": {"tall": "towering", "narrow": "slender", "long": "lengthy"},
}
"""Words the author of the shipped list never looked at."""
OTHER_VERBS = {"buys": "sells", "finds": "loses", "gives": "lends"}
RARE_VERBS = {"buys": ("procures", "shreds"), "finds": ("unearths", "ruins"), "gives": ("bequeaths", "denies")}
"""For each verb a synonym and another action, both unknown to any list: the same edit, so no method tells them apart."""
UNITS = {"miles": "kilometers", "pounds": "ounces"}
ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def spelled(n: int) -> str:
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10] + (f"-{ONES[n % 10]}" if n % 10 else "")
    return f"{ONES[n // 100]} hundred" + (f" {spelled(n % 100)}" if n % 100 else "")


# --- Chinese ---------------------------------------------------------------------------------------------------
ZH_NAMES = [
    "小明",
    "小红",
    "小刚",
    "小丽",
    "小华",
    "李雷",
    "韩梅",
    "王芳",
    "张伟",
    "刘洋",
    "陈静",
    "赵强",
    "孙悦",
    "周杰",
    "吴敏",
    "郑浩",
    "冯雪",
    "徐涛",
    "何欣",
    "马超",
]
ZH_OBJECTS = [
    "苹果",
    "梨子",
    "弹珠",
    "贴纸",
    "铅笔",
    "笔记本",
    "硬币",
    "贝壳",
    "纽扣",
    "丝带",
    "灯笼",
    "蜡烛",
    "手链",
    "明信片",
    "邮票",
    "拼图",
    "风筝",
    "磁铁",
    "郁金香",
    "鹅卵石",
    "徽章",
    "羽毛",
    "珠子",
    "围巾",
    "松饼",
    "核桃",
    "李子",
    "玩偶",
]
ZH_COLOURS = [
    "红色的",
    "蓝色的",
    "绿色的",
    "黄色的",
    "紫色的",
    "橙色的",
    "银色的",
    "金色的",
    "木制的",
    "塑料的",
    "闪亮的",
    "旧的",
    "带斑点的",
]
ZH_PLACES = [
    "市场",
    "学校",
    "图书馆",
    "车库",
    "港口",
    "博物馆",
    "体育场",
    "面包店",
    "火车站",
    "村庄",
    "工坊",
    "阁楼",
    "营地",
    "城堡",
    "剧院",
    "医院",
    "果园",
    "仓库",
]
ZH_DAYS = ["星期一", "星期二", "星期三", "星期四", "星期五", "星期六"]
ZH_FACTS = [
    "{a}在{place}旁边的{box}里放了{n1}个{c1}{x}。",
    "在{place}里，{b}的{tall}架子上摆着{n2}个{c2}{y}。",
    "{a}在{place}{buys}{n1}个{c1}{x}，{seller}笑了。",
    "{day}，{b}在{place}后面{finds}{n2}个{c2}{y}。",
    "{a}把{n1}个{c1}{x}装进{box}，{b}把{n2}个{c2}{y}存进{sack}。",
    "一位{quiet}邻居午饭后{gives}{b}{n3}个{c1}{x}。",
    "在{place}，每{box}{y}的价格是{n3}元。",
    "这周{start}，{b}的{x}比{a}{more}{n3}个。",
    "{place}早上{n4}点开门，向{happy}游客出售{c2}{y}。",
    "{a}{day}走{n4}{miles}到{place}。",
    "由于{quiet}包装，每个{box}重{n2}{pounds}。",
]
ZH_QUESTIONS = [
    "{a}一共有多少个{x}？",
    "{a}还剩下多少个{x}？",
    "{b}买{y}花了多少钱？",
    "{x}和{y}总共有多少个？",
    "{b}的{x}比{y}{more}多少个？",
]
ZH_WORDS = {
    "box": ["箱子", "罐子", "篮子", "袋子"], "tall": ["高高的", "狭窄的"], "buys": ["购买了"], "finds": ["发现了"],
    "gives": ["送给"], "seller": ["店员", "老板"], "sack": ["背包", "柜子"], "quiet": ["安静的", "细心的", "友好的"],
    "more": ["多"], "start": ["开始时"], "happy": ["快乐的", "好奇的"], "miles": ["千米"], "pounds": ["千克"],
}  # fmt: skip
ZH_SYNONYMS = {
    "box": {"箱子": "盒子", "罐子": "坛子", "篮子": "筐子", "袋子": "口袋"},
    "seller": {"店员": "售货员", "老板": "店主"},
    "quiet": {"安静的": "沉静的", "细心的": "仔细的", "友好的": "友善的"},
    "happy": {"快乐的": "开心的", "好奇的": "新奇的"},
    "buys": {"购买了": "买了"},
    "finds": {"发现了": "找到"},
}
ZH_PHRASES = [("一共有", "总共有"), ("还剩下", "剩余"), ("总共有", "一共有"), ("旁边", "附近"), ("后面", "背后")]
ZH_HELD_OUT = {
    "box": {"箱子": "木匣", "罐子": "瓷瓶", "篮子": "竹篓", "袋子": "布囊"},
    "seller": {"店员": "伙计", "老板": "掌柜"},
    "quiet": {"安静的": "恬静的", "细心的": "周到的", "友好的": "和善的"},
    "happy": {"快乐的": "欢喜的", "好奇的": "探究的"},
    "tall": {"高高的": "笔直的", "狭窄的": "细窄的"},
}
ZH_OTHER_VERBS = {"购买了": "卖掉", "发现了": "弄丢", "送给": "借给"}
ZH_RARE_VERBS = {"购买了": ("购置", "焚毁"), "发现了": ("瞧见", "毁掉"), "送给": ("转赠", "索要")}
ZH_UNITS = {"千米": "米", "千克": "克"}
HAN = "零一二三四五六七八九"


def spelled_zh(n: int) -> str:
    if n < 10:
        return HAN[n]
    if n < 100:
        tens, ones = divmod(n, 10)
        return ("" if tens == 1 else HAN[tens]) + "十" + (HAN[ones] if ones else "")
    hundreds, rest = divmod(n, 100)
    middle = "零" if 0 < rest < 10 else ""
    tail = ("一" + spelled_zh(rest) if 10 <= rest < 20 else spelled_zh(rest)) if rest else ""
    return HAN[hundreds] + "百" + middle + tail


@dataclass(frozen=True, slots=True)
class Language:
    story: type[Story]
    names: list[str]
    objects: list[str]
    colours: list[str]
    places: list[str]
    days: list[str]
    facts: list[str]
    questions: list[str]
    words: dict[str, list[str]]
    synonyms: dict[str, dict[str, str]]
    held_out: dict[str, dict[str, str]]
    phrases: list[tuple[str, str]]
    verbs: dict[str, str]
    rare_verbs: dict[str, tuple[str, str]]
    units: dict[str, str]
    less: str
    spell: Callable[[int], str]


EN = Language(Story, NAMES, OBJECTS, COLOURS, PLACES, DAYS, FACTS, QUESTIONS, WORDS, SYNONYMS, HELD_OUT, PHRASES,
              OTHER_VERBS,
    RARE_VERBS, UNITS, "fewer", spelled)  # fmt: skip
ZH = Language(Chinese, ZH_NAMES, ZH_OBJECTS, ZH_COLOURS, ZH_PLACES, ZH_DAYS, ZH_FACTS, ZH_QUESTIONS, ZH_WORDS,
              ZH_SYNONYMS, ZH_HELD_OUT, ZH_PHRASES, ZH_OTHER_VERBS, ZH_RARE_VERBS, ZH_UNITS, "少", spelled_zh)  # fmt: skip
LANGUAGES = {"en": EN, "zh": ZH}


def story(rng: random.Random, lang: Language) -> Story:
    a, b = rng.sample(lang.names, 2)
    x, y = rng.sample(lang.objects, 2)
    slots = {
        "a": a, "b": b, "x": x, "y": y, "c1": rng.choice(lang.colours), "c2": rng.choice(lang.colours),
        "place": rng.choice(lang.places), "day": rng.choice(lang.days),
        **{f"n{i}": str(n) for i, n in enumerate(rng.sample(range(3, 400), 4), start=1)},
        **{k: rng.choice(v) for k, v in lang.words.items()},
    }  # fmt: skip
    facts = [*rng.sample(lang.facts[:5], 2), *rng.sample(lang.facts[5:], rng.randint(1, 3))]
    rng.shuffle(facts)
    return lang.story(facts, rng.choice(lang.questions), slots)


# --- twins -----------------------------------------------------------------------------------------------------
def format_twin(rng: random.Random, s: Story, lang: Language) -> str:
    text = s.text()
    for change in rng.sample(
        [
            lambda t: re.sub(r"\d", lambda m: chr(0xFF10 + int(m[0])), t),
            lambda t: t.replace(" ", "  "),
            lambda t: t.replace("'", "’").replace(",", "，").replace("?", "？"),
            lambda t: t.replace("。", ". ").replace("，", ", ").replace("？", "?"),
            lambda t: re.sub(r"(\d+) (?=dollars)", r"$\1$ ", t),
            lambda t: "\u3000" + t.rstrip("?？.。") + "\n",
            lambda t: re.sub(r"\d+", lambda m: f"${m[0]}$", t),
        ],
        3,
    ):
        text = change(text)
    return text


def number_words(rng: random.Random, s: Story, lang: Language) -> str:
    return re.sub(r"\d+", lambda m: lang.spell(int(m[0])), s.text())


def sentence_order(rng: random.Random, s: Story, lang: Language) -> str:
    turned = s.copy()
    turned.facts = s.facts[1:] + s.facts[:1]
    return turned.text()


def clause_order(rng: random.Random, s: Story, lang: Language) -> str | None:
    comma = "，" if lang is ZH else ", "
    for i, fact in enumerate(s.facts):
        body = fact.rstrip(".。")
        first, mark, rest = body.partition(comma)
        if mark and comma not in rest:
            turned = s.copy()
            rest = re.sub(r"^(and|while) ", "", rest)
            end = "。" if lang is ZH else "."
            head = rest[0].upper() + rest[1:] if not rest.startswith("{") else rest
            tail = first if first.startswith(("{", "A ")) or lang is ZH else first[0].lower() + first[1:]
            turned.facts[i] = f"{head}{comma}{tail}{end}"
            return turned.text()
    return None


def synonyms(
    rng: random.Random, s: Story, lang: Language, table: dict[str, dict[str, str]] | None = None
) -> str | None:
    table = lang.synonyms if table is None else table
    parts = "".join([*s.facts, s.question])
    usable = [k for k in table if f"{{{k}}}" in parts and s.slots[k] in table[k]]
    if not usable:
        return None
    chosen = rng.sample(usable, min(2, len(usable)))
    text = s.copy(**{k: table[k][s.slots[k]] for k in chosen}).text()
    if table is lang.synonyms:
        for old, new in lang.phrases:
            if old in text and rng.random() < 0.5:
                text = text.replace(old, new)
    return text


def mixed(rng: random.Random, s: Story, lang: Language) -> str | None:
    turned = s.copy()
    turned.facts = s.facts[1:] + s.facts[:1]
    text = synonyms(rng, turned, lang)
    return text and re.sub(r"\d+", lambda m: lang.spell(int(m[0])) if rng.random() < 0.5 else m[0], text)


# --- traps -----------------------------------------------------------------------------------------------------
def other_numbers(rng: random.Random, s: Story, lang: Language) -> str | None:
    used = [k for k in ("n1", "n2", "n3", "n4") if f"{{{k}}}" in "".join(s.facts)]
    key = rng.choice(used)
    return s.copy(**{key: str(int(s.slots[key]) + rng.choice([-1, 1, 10]))}).text()


def _swapped(s: Story, one: str, two: str) -> str | None:
    parts = "".join([*s.facts, s.question])
    if f"{{{one}}}" not in parts or f"{{{two}}}" not in parts:
        return None
    return s.copy(**{one: s.slots[two], two: s.slots[one]}).text()


def numbers_swapped(rng: random.Random, s: Story, lang: Language) -> str | None:
    return _swapped(s, "n1", "n2")


def names_swapped(rng: random.Random, s: Story, lang: Language) -> str | None:
    """Roles change in the facts; the question still asks about the same person."""
    at = [i for i, f in enumerate(s.facts) if "{a}" in f and "{b}" in f]
    if not at:
        return None
    turned = s.copy()
    turned.facts[at[0]] = s.facts[at[0]].replace("{a}", "{_}").replace("{b}", "{a}").replace("{_}", "{b}")
    return turned.text()


def objects_swapped(rng: random.Random, s: Story, lang: Language) -> str | None:
    turned = s.copy()
    if "{x}" not in s.question or "{y}" in s.question or "{y}" not in "".join(s.facts):
        return None
    turned.question = s.question.replace("{x}", "{y}")
    return turned.text()


def question_changed(rng: random.Random, s: Story, lang: Language) -> str:
    turned = s.copy()
    turned.question = rng.choice([q for q in lang.questions if q != s.question])
    return turned.text()


def verb_changed(rng: random.Random, s: Story, lang: Language) -> str | None:
    return _replaced(s, {k: lang.verbs[s.slots[k]] for k in ("buys", "finds", "gives")})


def unit_changed(rng: random.Random, s: Story, lang: Language) -> str | None:
    return _replaced(s, {k: lang.units[s.slots[k]] for k in ("miles", "pounds")})


def comparison_changed(rng: random.Random, s: Story, lang: Language) -> str | None:
    return _replaced(s, {"more": lang.less})


def _replaced(s: Story, change: dict[str, str]) -> str | None:
    facts = "".join(s.facts)
    used = [k for k in change if f"{{{k}}}" in facts]
    return s.copy(**{used[0]: change[used[0]]}).text() if used else None


def negation_changed(rng: random.Random, s: Story, lang: Language) -> str | None:
    text = s.text()
    if lang is ZH:
        for old, new in (("购买了", "没有购买"), ("摆着", "没有摆着"), ("放了", "没有放")):
            if old in text:
                return text.replace(old, new, 1)
        return None
    for old, new in ((" has ", " does not have "), (" buys ", " does not buy "), (" keeps ", " never keeps ")):
        if old in text:
            return text.replace(old, new, 1)
    return None


def held_out_synonyms(rng: random.Random, s: Story, lang: Language) -> str | None:
    return synonyms(rng, s, lang, lang.held_out)


def unknown_verb_twin(rng: random.Random, s: Story, lang: Language) -> str | None:
    return _replaced(s, {k: lang.rare_verbs[s.slots[k]][0] for k in ("buys", "finds", "gives")})


def unknown_verb_trap(rng: random.Random, s: Story, lang: Language) -> str | None:
    return _replaced(s, {k: lang.rare_verbs[s.slots[k]][1] for k in ("buys", "finds", "gives")})


def plant(n: int, seed: int, language: str = "en", kinds: tuple[str, ...] = (*TWINS, *TRAPS)) -> Iterator[Planted]:
    """n pairs, all kinds in turn. Originals differ from each other in their numbers."""
    rng, lang = random.Random(seed), LANGUAGES[language]
    made = tried = 0
    while made < n:
        kind = kinds[tried % len(kinds)]
        tried += 1
        s = story(rng, lang)
        maker = {"format": format_twin}.get(kind) or globals()[kind]
        variant = maker(rng, s, lang)
        if variant is None or variant == s.text():
            continue
        made += 1
        yield Planted(kind, s.text(), variant, kind in (*TWINS, "held_out_synonyms", "unknown_verb_twin"))
