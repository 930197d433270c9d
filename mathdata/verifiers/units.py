"""Units of measure: what a word after a number means, and what converts into what."""

from __future__ import annotations

import re
from fractions import Fraction as F
from functools import lru_cache
from itertools import pairwise

__all__ = ["Unit", "is_unit", "names_things", "read_unit"]

Unit = tuple[F, tuple[tuple[str, int], ...]]
"""(factor to the base unit, dimensions); () = a count of things."""

_TABLE: dict[str, tuple[F, str]] = {}


def _add(dimension: str, words: dict[str, F | int]) -> None:
    for names, factor in words.items():
        for name in names.split():
            _TABLE[name] = (F(factor), dimension)


_add("length", {
    "m meter metre 米": 1, "cm centimeter centimetre 厘米": F(1, 100), "mm millimeter millimetre 毫米": F(1, 1000),
    "km kilometer kilometre 千米 公里": 1000, "dm decimeter 分米": F(1, 10), "in inch inche": F(254, 10000),
    "ft foot feet": F(3048, 10000), "yd yard": F(9144, 10000), "mi mile": F(1609344, 1000), "nm": F(1, 10**9),
    "um μm": F(1, 10**6),
})  # fmt: skip
_add("mass", {
    "g gram gramme 克": 1, "kg kilogram kilo 千克 公斤": 1000, "mg milligram 毫克": F(1, 1000), "ton tonne 吨": 10**6,
    "lb pound": F(45359237, 100000), "oz ounce": F(45359237, 1600000), "斤": 500, "两": 50,
})  # fmt: skip
_add("time", {
    "s sec second 秒": 1, "min minute 分钟": 60, "h hr hour 小时 时": 3600, "day 天 日": 86400, "week 周 星期": 604800, "ms": F(1, 1000),
})  # fmt: skip
_add("months", {"month 月 个月": 1, "year yr 年": 12, "decade": 120, "century centurie": 1200})
_add("volume", {
    "L l liter litre 升": F(1, 1000), "mL ml milliliter millilitre 毫升": F(1, 10**6), "gallon gal": F(3785411784, 10**12),
    "quart qt": F(946352946, 10**12), "pint pt": F(473176473, 10**12), "立方米": 1, "立方厘米": F(1, 10**6), "立方分米": F(1, 1000),
})  # fmt: skip
_add("area", {"acre": F(40468564224, 10**7), "hectare ha 公顷": 10000, "平方米": 1, "平方厘米": F(1, 10**4), "平方分米": F(1, 100),
              "平方千米 平方公里": 10**6})  # fmt: skip
_add("dollar", {"$ dollar usd USD buck": 1, "cent ¢": F(1, 100), "nickel": F(1, 20), "quarter": F(1, 4)})
_add("euro", {"€ euro eur EUR": 1})
_add("pound sterling", {"£ gbp GBP": 1, "pence": F(1, 100)})
_add("yuan", {"¥ 元 yuan rmb RMB CNY 块": 1, "万元": 10000, "角": F(1, 10), "分": F(1, 100)})
_add("angle", {"° degree deg 度": 1, "radian rad": F(0)})
_add("percent", {"% percent pct 百分": 1})
_add("energy", {"J joule 焦耳": 1, "kJ kilojoule 千焦": 1000, "erg": F(1, 10**7)})
_add("amount of substance", {"mol mole 摩尔": 1})
_add("force", {"N newton 牛 牛顿": 1})
_add("power", {"W watt 瓦": 1, "kW kilowatt 千瓦": 1000})
_add("pressure", {"Pa pascal 帕": 1, "kPa 千帕": 1000})
_add("frequency", {"Hz hertz 赫兹": 1})
_add("tension", {"V volt 伏": 1})
_add("absolute temperature", {"K kelvin 开尔文": 1})
_add("speed", {"mph": F(1609344, 3600000), "kph kmh": F(1000, 3600)})
_add("temperature", {"°C Celsius 摄氏度": 1})
_add("fahrenheit", {"°F Fahrenheit": 1})

_SQUARE = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
_PARTS = re.compile(r"\^?-?\d+|/|per|[^\W\d_]+|[$€£¥%°]")
_SHORT = frozenset(["m", "g", "s", "h", "l", "in"])
"""Too short to be taken for a unit when it may be a letter of algebra."""
_POWERS = {"length": {2: "area", 3: "volume"}}


def _entry(word: str) -> tuple[F, str] | None:
    if word in _TABLE:
        return _TABLE[word]
    low = word.lower()
    for form in (low, low.removesuffix("s"), low.removesuffix("es")):
        if form in _TABLE and (len(form) > 2 or form == low):
            return _TABLE[form]
    return None


def is_unit(word: str) -> bool:
    return _entry(word) is not None


_NO_NAMES = re.compile(
    r"(?:a?(?:sin|cos|tan)|cot|sec|csc|log|exp|sqrt|abs|max|min|gcd|lcm|mod|det|arg|alpha|beta|gamma|delta|theta|lambda|sigma|omega)$",
    re.IGNORECASE,
)
_RAISED_UNIT = re.compile(r"(?:\^\{?[23]\}?|[²³])$")
_JOINTS = re.compile(r"\s*[/·]\s*|\s+")
_VOWELS = frozenset("aeiouyAEIOUY")


def names_things(inside: str) -> bool:
    """Whether words in brackets behind a number say what is counted: `（个）`, `(kg)`, `(km/h)`, `(apples)`.

    Letters of algebra (`ab`, `xyz`), functions and single letters that are no unit say nothing of the kind.
    """
    parts = [_RAISED_UNIT.sub("", p) for p in _JOINTS.split(inside.strip())]
    return len(inside) <= 30 and len(parts) <= 4 and all(_names_one(p) for p in parts)


def _names_one(word: str) -> bool:
    if not word.isascii():
        return word.isalpha() and all("\u4e00" <= c <= "\u9fff" for c in word)
    if word.isupper() and word != "L":
        return word in _TABLE and len(word) > 2  # USD; (12)(DM) is a product of lengths
    if is_unit(word):
        return len(word) > 1 or word in "mgshLl"
    if not word.isalpha() or _NO_NAMES.match(word):
        return False
    run = all(ord(b) - ord(a) == 1 for a, b in pairwise(word))
    return len(word) > 2 and not run and not _VOWELS.isdisjoint(word)


@lru_cache(maxsize=4096)
def read_unit(text: str) -> Unit | None:
    """What a unit text measures; None where it names things (apples, pages, students).

    >>> read_unit("square feet") == read_unit("ft ^2")
    True
    """
    factor, dimensions, power, sign, pending, seen = F(1), dict[str, int](), 1, 1, 1, False
    last: str | None = None
    for part in _PARTS.findall(text.replace(".", "")[:80]):
        low = part.lower()
        if low in _SQUARE:
            pending = _SQUARE[low]
        elif low in ("squared", "cubed"):
            part = "^2" if low == "squared" else "^3"
        if low in ("/", "per"):
            sign = -1
        elif part.lstrip("^").lstrip("-").isdigit() and part[0] in "^0123456789":
            if last and part[0] == "^" and abs(int(part[1:][:3])) <= 3:
                power = int(part[1:])
                f, d = _entry(last) or (F(1), last)
                factor = factor * f ** (sign * (power - 1)) if f else factor
                dimensions[d] = dimensions.get(d, 0) + sign * (power - 1)
        elif low not in _SQUARE and (entry := _entry(part)) is not None:
            f, d = entry
            factor = factor * f ** (sign * pending) if f else factor
            dimensions[d] = dimensions.get(d, 0) + sign * pending
            if f == 0:
                return F(0), (("angle", 1),)
            last, pending, seen = part, 1, True
    if not seen:
        return None
    return factor, _canonical(dimensions)


def _canonical(dimensions: dict[str, int]) -> tuple[tuple[str, int], ...]:
    out: dict[str, int] = {}
    for d, n in dimensions.items():
        name, k = {"area": ("length", 2), "volume": ("length", 3)}.get(d, (d, 1))
        if d == "speed":
            out["length"], out["time"] = out.get("length", 0) + n, out.get("time", 0) - n
            continue
        out[name] = out.get(name, 0) + k * n
    return tuple(sorted((d, n) for d, n in out.items() if n))
