"""Chinese rows: what their words say to the rules (written in English words), and the sentences written for them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mathdata.worked import Number

if TYPE_CHECKING:
    from mathdata.symbolic.question import Question

__all__ = [
    "ASK",
    "ASK_STATED",
    "CLOSING",
    "VERBS",
    "discounts",
    "hold_chinese",
    "is_chinese",
    "listed",
    "parts",
    "state",
    "told",
    "words",
]

ASK = "如果已知上述问题的答案是 {answer}，那么未知数 {x} 的值是多少？"
ASK_STATED = "未知数 {x} 的值是多少？"
CLOSING = "因此，最终答案是：$\\boxed{{{}}}$。"

_HAN = re.compile(r"[一-鿿]")
_WORDS = {
    "second": "秒", "minute": "分钟|刻钟", "hour": "小时|钟头|时速|每时|[/／]时", "day": "天|[每一]日|昼夜|早上|上午|下午|晚上",
    "week": "星期|周(?!长|围|岁)|礼拜", "month": "个月|每月|一月(?!份)|月(?:租|薪|工资|底|初)", "year": "年(?!级|龄|糕)",
    "weekend": "周末", "workday": "工作日", "centimeter": "厘米", "mm": "毫米", "kilometer": "千米|公里",
    "meter": r"(?<![厘毫千分平方立虾玉大小])米(?!饭|粉|粒)", "decimeter": "分米", "kilogram": "千克|公斤", "gram": "(?<!千)克",
    "ton": "吨", "jin": "(?<!公)斤", "ml": "毫升", "liter": "(?<!毫)升", "yuan": "元", "jiao": "角(?!形|度)", "fen": r"(?<=\d)分(?!钟|之|米)",
    "dozen": "一打|[0-9]打", "pair": "[一每]双|[一每]对", "half": "一半|半[个天年价]|个半", "twice": "[两二2] ?倍|翻倍|翻一番|加倍",
    "triple": "[三3] ?倍", "both": "两人|双方", "rectangle": "长方形", "square": "正方形|正方体", "perimeter": "周长",
    "triangle": "三角形", "average": "平均", "percent": "百分", "jidu": "季度", "century": "世纪", "circle": "圆周",
    "most": "最[多大长高快贵]", "least": "最[少小短低慢]", "cheaper": "便宜|划算", "dog": "狗", "chicken": "鸡", "car": "汽车",
    "other": "其他|其余|其它|另外", "himself": "自己", "score": "得分|分数|成绩", "old": "岁|年龄",
}  # fmt: skip
_FIND = {word: re.compile(pattern) for word, pattern in _WORDS.items()}
_DIGIT = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"两": 2}
_NUMERAL = re.compile(r"[一二两三四五六七八九十百]{1,6}")
_PARTS = re.compile(r"([一二两三四五六七八九十]{1,3}|\d{1,2})分之([一二两三四五六七八九十]{1,3}|\d{1,2})")
_DISCOUNT = re.compile(r"([一二三四五六七八九][一二三四五六七八九]?|\d(?:\.?\d)?) ?折")


def _has(text: str) -> bool:
    return not text.isascii() and _HAN.search(text) is not None


def is_chinese(text: str) -> bool:
    """Whether a text is mainly Chinese.

    >>> is_chinese("小明有 12 支铅笔。"), is_chinese("Li (李) has 12 pens.")
    (True, False)
    """
    return _has(text) and len(_HAN.findall(text)) > len(re.findall(r"[A-Za-z]{2,}", text))


def words(text: str) -> frozenset[str]:
    """The English words of the rules that a Chinese text says: `一个星期` says week."""
    if not _has(text):
        return frozenset()
    return frozenset(word for word, found in _FIND.items() if found.search(text))


def _value(numeral: str) -> int:
    """`八` 8, `十二` 12, `三十` 30, `一百` 100; digits as they are."""
    if numeral.isdigit():
        return int(numeral)
    total, one = 0, 0
    for c in numeral:
        if c in _DIGIT:
            one = _DIGIT[c]
        else:
            total, one = total + (one or 1) * (10 if c == "十" else 100), 0
    return total + one


def told(text: str) -> set[Number]:
    """The numbers that a text says in Chinese numerals; they are constants, never changed."""
    return set() if not _has(text) else {_value(m[0]) for m in _NUMERAL.finditer(text)}


def parts(text: str) -> list[tuple[int, int]]:
    """`四分之三` as (3, 4)."""
    if not _has(text):
        return []
    found = [(_value(m[2]), _value(m[1])) for m in _PARTS.finditer(text)]
    return [(a, b) for a, b in found if b]


def discounts(text: str) -> list[tuple[int, int]]:
    """`打八折` as (8, 10), `八五折` and `8.5折` as (85, 100)."""
    found = []
    for match in _DISCOUNT.finditer(text) if _has(text) else ():
        digits = [str(_DIGIT.get(c, c)) for c in match[1] if c != "."]
        found.append((int("".join(digits)), 10 ** len(digits)))
    return found


_LABEL = re.compile(r" ?(?:年级|号|班|楼|路|点|时(?!间)|[:：]\d|世纪|角形|边形|折)")
_DATE = re.compile(r" ?(?:月(?!租|薪)|日)")


def hold_chinese(q: Question) -> None:
    """Hold dates, labels, parts of fractions and discounts; the character after a number is what it counts."""
    q.fractions += [*parts(q.text), *discounts(q.text)]
    for m in q.mentions:
        before, after = q.text[max(0, m.start - 4) : m.start].rstrip(), q.text[m.end : m.end + 4]
        if before.endswith("百分之"):
            m.percent = True
        elif before.endswith("分之") or after.startswith("分之"):
            m.held = "fraction"
        elif before.endswith("第") or _LABEL.match(after):
            m.held = "label"
        elif _DATE.match(after):
            m.held = "date"
        elif after.lstrip().startswith("年") and 1500 <= m.value <= 2100:
            m.held = "year"
        if not m.noun and _HAN.match(after.lstrip()):
            m.noun = after.lstrip()[0]
        m.money = m.money or m.noun == "元"


_ASKED = re.compile(r"多少|几")
_NOT_ASKED = re.compile(r"几乎|几[何分]|好几|吗|呢|哪|谁|什么|怎|求|计算|请(?!问)")
_AT = re.compile(r"^(?:请问|问|那么)[，,：: ]*")


def state(sentence: str, answer: str, unit: str) -> str:
    """The asking sentence with its answer: `小明还剩多少支？`, 15 -> `小明还剩 15 支。`; any other form is quoted."""
    text = _AT.sub("", sentence.strip()).rstrip("？?。. ")
    found = list(_ASKED.finditer(text))
    plain = len(found) == 1 and not _NOT_ASKED.search(text) and "？" not in text and "?" not in text
    if plain:
        before, after = text[: found[0].start()].rstrip(), text[found[0].end() :].lstrip()
        if not after.startswith("钱"):
            return _spaced(before, answer, after) + "。"
        if unit == "元":
            return _spaced(before, answer, f"元{after[1:]}") + "。"
    return f"问题“{text}？”的答案是 {answer}。"


def _spaced(before: str, number: str, after: str) -> str:
    gap = "" if before[-1:] in "，、；：," else " "
    return f"{before}{gap}{number} {after}".strip()


VERBS = {"+": "把 {} 相加", "*": "把 {} 相乘", "-": "从 {0} 中减去 {1}", "/": "用 {0} 除以 {1}"}


def listed(values: list[str]) -> str:
    """`3、4 和 5`."""
    return f"{'、'.join(values[:-1])} 和 {values[-1]}"
