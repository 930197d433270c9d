"""One word of a real problem replaced: by another that changes the problem, or by one that means the same.

    python bench/swaps.py     # GSM8K and MATH train, CMATH (needs MATHDATA_DATA)

The words stand here, out of the package's reach; most of them have got into its list since, so the shares say what the list
covers on real text. A problem counts where the word stands in it; merged = level near takes both for one.
"""

from __future__ import annotations

import re
from collections import Counter

import polars as pl

from mathdata.io import data_root, read
from mathdata.near import cluster
from mathdata.text import normal_column

MOST = 150
"""Problems for each pair of words."""
OTHER = {
    "en": "doubled/tripled acres/hectares teaspoons/tablespoons January/October interior/exterior acute/obtuse "
    "inscribed/circumscribed horizontal/vertical rows/columns arithmetic/geometric simple/compound "
    "clockwise/counterclockwise more/fewer before/after buys/sells gives/receives minimum/maximum even/odd tenth/hundredth "
    "hours/minutes miles/kilometers feet/inches largest/smallest numerator/denominator positive/negative gain/loss "
    "weekly/monthly longer/shorter with/without union/intersection ascending/descending",
    "zh": "一共/平均 增加/减少 大于/小于 上午/下午 加上/减去 乘/除以 米/厘米 千克/克 长/宽 奇数/偶数 分子/分母 最大/最小 买/卖 多/少 "
    "小时/分钟 元/角 先/后 快/慢 还剩/用去 周长/面积 半径/直径 左/右 每/共",
}
SAME = {
    "en": "buys/purchases kids/children big/large small/little starts/begins also/too total/altogether find/determine "
    "store/shop friends/pals bags/sacks every/each picks/plucks street/road quickly/rapidly",
    "zh": "购买/买 一共/总共 还剩/剩下 公里/千米 公斤/千克 求/计算",
}


def word(text: str, language: str) -> re.Pattern[str]:
    return re.compile(re.escape(text) if language == "zh" else rf"\b{re.escape(text)}\b")


def shares(problems: list[str], pairs: str, language: str) -> tuple[Counter[str], Counter[str]]:
    """How many problems hold a pair's first or second word, and in how many the swap is merged."""
    texts: list[str] = []
    names: list[str] = []
    for pair in pairs.split():
        a, b = pair.split("/")
        for old, new in ((a, b), (b, a)):
            hits = [p for p in problems if word(old, language).search(p)][: MOST // 2]
            texts += [t for p in hits for t in (p, word(old, language).sub(new, p, count=1))]
            names += [pair] * len(hits)
    star = cluster(normal_column(pl.Series(texts))).star.to_list()
    merged = Counter(name for i, name in enumerate(names) if star[2 * i] == star[2 * i + 1])
    return Counter(names), merged


def main() -> None:
    root = data_root()
    sets = {
        "en": ("gsm8k/train.jsonl", "math/train.jsonl"),
        "zh": ("cmath/cmath_dev.jsonl",),
    }
    for language, files in sets.items():
        problems = [p for f in files for p in read(str(root / f), derive=False)["problem"].drop_nulls().to_list()]
        for what, pairs in (("another problem", OTHER[language]), ("the same", SAME[language])):
            n, merged = shares(problems, pairs, language)
            print(f"\n{language}, {what}: {sum(merged.values())} of {sum(n.values())} merged")
            print(
                "  "
                + " ".join(
                    f"{name} {merged[name]}/{n[name]}" for name in n if (merged[name] > 0) == (what != "the same")
                )
            )


if __name__ == "__main__":
    main()
