"""The judge on phrasings that can be lost: golds and a distractor number in many ways of saying it, right and wrong.

    python bench/phrasings.py [--golds 40] [--misses 20] [--without-math-verify]

Golds of GSM8K, MATH (plain numbers and fractions) and CMATH are put into every phrasing below, beside a distractor
number that the response names without stating it. RIGHT phrasings state the gold; each is judged against the gold
(right) and against the distractor (wrong). WRONG phrasings state another answer, several, or none; they are judged
against the gold. Math-Verify judges the same pairs in the same run. Data: MATHDATA_DATA (gsm8k, math, cmath).
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# {g}: the gold; {d}: a distractor number; {e}: another one
RIGHT_EN = """\
The answer is {g}.
The answer is {g} because {d} is less than {e}.
So the answer is {g}, since {d} of them were lost.
The answer is {g}, not {d}.
The answer is {g} rather than {d}.
The answer is {g} (and not {d}).
The final answer is {g}, which we got after {d} steps.
The final answer is {g} apples for {d} children.
Final Answer: {g} apples per {d} boxes
Answer: {g} (not {d})
Answer: {g} out of {d}
Answer: {g} marbles in {d} days.
**Answer:** {g} of the {d} students
**Final Answer**: **{g}**
**Final answer: {g}** ({d} were given)
#### {g}
#### {g} (for {d} people)
#### {g}
This is for {d} people.
#### {g} dollars
She has {g} left.
In {d} days he walks {g} miles.
He walks {g} miles every {d} days.
So the total is {g} dollars, out of {d} dollars.
So there are {g} of them in the {d} boxes.
After {d} years the tree is {g} feet tall.
We first get {d}. Then we get {g}.
We start from {d} and {e}, and end up with {g}.
It is not {d} but {g}.
It isn't {d}; it is {g}.
One might think it is {d}, but it is actually {g}.
The result is {g}. Check: {d} was given.
The value of $x$ is ${g}$.
Hence $x = {g}$.
Therefore, x = {g}.
Thus x = {g}, where {d} is the constant term.
Thus $n = {g}$ for all {d} cases.
So the answer is $\\boxed{{{g}}}$.
So the answer is $\\boxed{{{g}}}$, not ${d}$.
The first try gave \\boxed{{{d}}}, which is wrong. The right one is \\boxed{{{g}}}.
\\[\\boxed{{{g}}}\\] where {d} is the number of cases.
<answer>{g}</answer>
<think>Maybe {d}?</think>The answer is {g}.
My final answer would be {g} units.
The correct answer is: {g}
The required number is {g}.
The required number is {g}, as {d} divides {e}.
We conclude that the number is {g}.
We conclude that {g} is the answer.
{g} is the answer.
Therefore {g} students are in the class of {d}.
As {d} is even, the answer is {g}.
Because we lost {d}, the answer is {g}.
If we take away {d}, we are left with {g}.
There are {g} ways to do it when {d} people sit.
There are exactly {g} such numbers less than {d}.
The probability asked for is {g}, by case {d}.
The cost comes to ${g}$ dollars for {d} tickets.
Total = {g}
Total: {g} ({d} each)
Result: {g}
A: {g}
I got {g} for question {d}.
By Theorem {d}, the answer must be {g}.
Substituting $y = {d}$ gives $x = {g}$.
Since $y = {d}$, we have $x = {g}$.
The answer is {g}. I hope it is correct.
The answer is therefore {g}, by the table on page {d}.
The answer to problem {d} is {g}.
Step {d}: we find that the answer is {g}
""".splitlines()

WRONG_EN = """\
The answer is either {g} or {d}.
It could be {g} or {d}.
It is {d} or {g}.
The answer is {d} or {g}.
Either {d} or {g} would work.
The answer is greater than {g}.
The answer is more than {g}.
The answer is not more than {g}.
The answer is at least {g}.
The answer is at most {g}.
The answer is less than {g}.
The answer is between {d} and {g}.
It lies somewhere between {d} and {g}.
The answer is {g} or more.
The answer is {g} or fewer.
The answer is not {g}.
The answer isn't {g}.
It is not {g}.
The answer is {d}, not {g}.
The answer is {d} rather than {g}.
The answer is {d} instead of {g}.
The answer is {d} because {g} is given.
The answer is {d}, since we subtract {g}.
The answer is {d} out of {g}.
The answer is {d} per {g} people.
The answer is {d} of the {g} students.
The answer is {d} apples for {g} children.
The answer is {d} in {g} days.
The answer is {d}, which comes from {g}.
The answer is {d} (it was {g} before).
#### {d} (for {g} people)
Answer: {d} (2 boxes of {g})
He walks {d} miles every {g} days.
The problem from AIME {g} is too hard for me.
I cannot solve question {g}.
See equation ({g}).
I used theorem {g}.
$x^2 = {g}$
\\boxed{{x^2 = {g}}}
\\boxed{{|x| = {g}}}
\\boxed{{2x = {g}}}
\\boxed{{{d} = {g}}}
The answer is $3x = {g}$.
\\boxed{{x \\equiv {g} \\pmod 2}}
\\boxed{{a+3z = {g}}}
\\boxed{{x > {g}}}
\\boxed{{x \\le {g}}}
\\boxed{{{g} \\text{{ or }} {d}}}
\\boxed{{{d}, {g}}}
\\boxed{{{g}}} or \\boxed{{{d}}}
Earlier \\boxed{{{g}}}. So we get \\boxed{{{d}
So we get \\boxed{{{g}
Possible answers: {g}, {d}, {e}
The candidates are {g} and {d}.
It is {d}. The number {g} was given.
{g} is wrong; the answer is {d}
The answer is {d}. Check: {g} was given.
<think>\\boxed{{{g}}}</think>The answer is {d}.
<think>The answer is {g}
def f(): return total_{g}
The answer is {d} by the year {g}.
The answer is {d} when n is {g}.
More than {g} people came.
Nearly every one of the {g} people left.
It takes from {d} to {g} hours.
""".splitlines()

RIGHT_ZH = """\
答案是{g}。
答案为：{g}
答案：{g}
答：{g}个。
答：一共有{g}个苹果。
答：他买了{g}千克苹果。
答：还剩{g}元。
答：每盒{d}个，一共{g}个。
答：{d}天后还剩{g}千克。
答案是{g}，因为{d}小于{e}。
答案是{g}，不是{d}。
答案不是{d}，而是{g}。
答案是{g}（不是{d}）。
最终答案是{g}，经过{d}步得到。
因为{d}是偶数，所以答案是{g}。
所以一共是{g}个，每盒{d}个。
所以他每{d}天走{g}千米。
所以，甲地到乙地{g}千米。
因此，还剩{g}页没有看。
因此x={g}。
所以x={g}，其中{d}是常数项。
所以$x={g}$。
所以答案是$\\boxed{{{g}}}$。
所以答案是$\\boxed{{{g}}}$，而不是${d}$。
先得\\boxed{{{d}}}，检查后改为\\boxed{{{g}}}。
#### {g}
#### {g}（共{d}人）
结果是{g}。
结果等于{g}。
计算结果为{g}，共{d}步。
平均数是{g}。
面积为{g}平方厘米（边长为{d}厘米）。
每人分得{g}个，共{d}人。
第{d}步：得到答案{g}
第{d}题的答案是{g}。
由定理{d}可知，答案为{g}。
他{d}年后{g}岁。
小明今年{g}岁，{d}年前上学。
{d}个人一共需要{g}元。
需要{g}元才能买{d}本。
剩下{g}个，占{d}个中的一部分。
从{d}个中拿走{e}个，还剩{g}个。
原来有{d}个，现在有{g}个。
先算出{d}，再算出{g}。
看起来是{d}，其实是{g}。
不是{d}，是{g}。
正确答案应该是{g}，而非{d}。
正确答案：{g}
**答案：{g}**
**{g}千克**
故答案为：{g}。
故答案为{g}，选项{d}不对。
综上，答案是{g}。
综上所述，一共有{g}种方法。
即{g}个。
一共{g}种，其中{d}种重复。
<answer>{g}</answer>
<think>也许是{d}？</think>答案是{g}。
解：设有x个，则x={g}。
解得x={g}，经检验符合{d}的要求。
代入y={d}，得x={g}。
当y={d}时，x={g}。
所以共有{g}人。
{g}
{g}个
""".splitlines()

WRONG_ZH = """\
答案是{g}或{d}。
答案是{d}或者{g}。
答案可能是{d}，也可能是{g}。
要么是{d}，要么是{g}。
小明有{d}个或{g}个苹果。
答案大于{g}。
答案小于{g}。
答案是大于{g}的数。
答案不超过{g}。
答案不小于{g}。
答案超过{g}。
答案在{d}和{g}之间。
答案在{d}到{g}之间。
答案是{d}到{g}。
答案不是{g}。
答：不是{g}。
结果不为{g}。
答案是{d}，不是{g}。
答案是{d}，而不是{g}。
答案是{d}，因为{g}是题目给的。
答案是{d}，由{g}得到。
答案是{d}（原来是{g}）。
答：一共{d}个，每盒{g}个。
答：{d}个，共{g}人分。
答：每{g}人分{d}个。
答：{g}天后还剩{d}千克。
#### {d}（共{g}人）
所以他每{g}天走{d}千米。
我不会做第{g}题。
{g}年的这道题太难了。
见公式（{g}）。
用了定理{g}。
所以$x^2={g}$。
\\boxed{{x^2={g}}}
\\boxed{{2x={g}}}
\\boxed{{|x|={g}}}
\\boxed{{x>{g}}}
\\boxed{{x\\le {g}}}
\\boxed{{{d}={g}}}
\\boxed{{{g}\\text{{或}}{d}}}
\\boxed{{{g}}}或\\boxed{{{d}}}
先得\\boxed{{{g}}}，于是得\\boxed{{{d}
所以得\\boxed{{{g}
可能的答案：{g}、{d}、{e}
候选答案有{g}和{d}。
{g}是错的，答案是{d}。
答案是{d}。检验：{g}是已知数。
<think>\\boxed{{{g}}}</think>答案是{d}。
<think>答案是{g}
至少{g}个。
不少于{g}个。
{g}个以上。
大约有{g}到{d}个。
每盒{g}个，一共{d}个。
先算出{g}，再算出{d}。
原来有{g}个，现在有{d}个。
看起来是{g}，其实是{d}。
由定理{g}可知，答案为{d}。
第{g}题的答案是{d}。
答案是{d}，比{g}大。
答案比{g}大。
""".splitlines()


Pair = tuple[str, str, bool, str]
"""(gold, response, right, phrasing)."""

PLAIN = re.compile(r"-?\d+(?:\.\d+)?|\\frac\{\d+\}\{\d+\}")


def golds(root: Path) -> Iterator[tuple[str, str]]:
    """(language, gold) of the three sets, plain numbers and fractions only: what a sentence can hold as it is."""
    from mathdata.verifiers import extract

    for line in (root / "gsm8k" / "test.jsonl").read_text(encoding="utf-8").splitlines():
        yield "en", json.loads(line)["answer"].split("####")[1].strip().replace(",", "")
    for line in (root / "math" / "test.jsonl").read_text(encoding="utf-8").splitlines():
        yield "en", extract(json.loads(line)["solution"], "boxed").value or ""
    for line in (root / "cmath" / "cmath_dev.jsonl").read_text(encoding="utf-8").splitlines():
        yield "zh", str(json.loads(line)["golden"])


def mix(root: Path, each: int, seed: int = 1) -> list[Pair]:
    """Every phrasing with `each` golds: right ones against gold and distractor, wrong ones against the gold."""
    rng = random.Random(seed)
    by_language: dict[str, list[str]] = {"en": [], "zh": []}
    for language, gold in golds(root):
        if PLAIN.fullmatch(gold):
            by_language[language].append(gold)
    out: list[Pair] = []
    for language, right, wrong in (("en", phrasings(RIGHT_EN), WRONG_EN), ("zh", RIGHT_ZH, WRONG_ZH)):
        for shape in right:
            for gold in rng.sample(by_language[language], each):
                d, e = numbers(gold, rng)
                text = filled(shape, gold, d, e)
                out.append((gold, text, True, f"{language}: {shape}"))
                if "{d}" in shape:
                    out.append((d, text, False, f"{language}: {shape}"))
        for shape in wrong:
            for gold in rng.sample(by_language[language], each):
                d, e = numbers(gold, rng)
                out.append((gold, filled(shape, gold, d, e), False, f"{language}: {shape}"))
    return out


def phrasings(lines: list[str]) -> list[str]:
    """The lines; one that follows a bare `#### {g}` is its second line."""
    out: list[str] = []
    for line in lines:
        if line.startswith("This is for"):
            out.append("#### {g}\n" + line)
        else:
            out.append(line)
    return out


def filled(shape: str, gold: str, d: str, e: str) -> str:
    return shape.format(g=gold, d=d, e=e)


def numbers(gold: str, rng: random.Random) -> tuple[str, str]:
    """Two small numbers that are not the gold, nor a tenth or a hundredth of it."""
    while True:
        d, e = rng.sample(range(2, 60), 2)
        if not {str(d), str(e)} & {gold, gold.rstrip("0").rstrip("."), gold + "0", gold + "00"}:
            return str(d), str(e)


def math_verify() -> Callable[[str, str], bool]:
    from math_verify import parse, verify

    return lambda gold, response: bool(verify(parse(f"${gold}$"), parse(response)))


def ours() -> Callable[[str, str], bool]:
    from mathdata.verifiers import judge

    return lambda gold, response: judge(gold, response).ok


def measure(
    judge: Callable[[str, str], bool], pairs: list[Pair]
) -> tuple[dict[tuple[str, bool], list[int]], Counter[str]]:
    """(language, right) -> [accepted, all], and the phrasings of the mistakes."""
    figures: dict[tuple[str, bool], list[int]] = {}
    missed: Counter[str] = Counter()
    for gold, response, right, shape in pairs:
        try:
            ok = judge(gold, response)
        except Exception:
            ok = False
        language = shape[:2]
        box = figures.setdefault((language, right), [0, 0])
        box[0] += ok
        box[1] += 1
        if ok != right:
            missed[("refused: " if right else "accepted: ") + shape] += 1
    return figures, missed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--golds", type=int, default=40, help="golds for each phrasing")
    parser.add_argument("--misses", type=int, default=20, help="show so many phrasings with mistakes of ours")
    parser.add_argument("--without-math-verify", action="store_true")
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    root = Path(os.environ.get("MATHDATA_DATA", ROOT.parent / "shared" / "data"))
    pairs = mix(root, args.golds)
    print(
        f"phrasings: {len(phrasings(RIGHT_EN))} right and {len(WRONG_EN)} wrong (en), {len(RIGHT_ZH)} and {len(WRONG_ZH)} (zh)"
    )
    print(f"{'judge':12} {'language':8} {'right accepted':>22} {'wrong accepted':>22}")
    judges = {"mathdata": ours} | ({} if args.without_math_verify else {"math-verify": math_verify})
    for name, make in judges.items():
        figures, missed = measure(make(), pairs)
        for language in ("en", "zh"):
            right, wrong = (figures[language, kind] for kind in (True, False))
            print(f"{name:12} {language:8} {shown(right):>22} {shown(wrong):>22}")
        if name == "mathdata":
            for shape, count in missed.most_common(args.misses):
                print(f"  {count:4} {shape}")


def shown(box: list[int]) -> str:
    return f"{box[0]}/{box[1]} {100 * box[0] / max(1, box[1]):.2f} %"


if __name__ == "__main__":
    main()
