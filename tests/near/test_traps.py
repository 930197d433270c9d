"""Two problems that a reader tells apart at a glance and a bag of words does not, in English and Chinese; and spellings."""

from __future__ import annotations

import polars as pl
import pytest

from mathdata.near import cluster
from mathdata.text import normal, normal_column

LONG = "Grandmother tells this riddle beside the warm fireplace while snow covers every roof, chimney and fence of the village. "
LANG = "这道题目来源于语文老师昨晚讲述的童话故事，森林里的动物围坐在篝火旁边认真聆听。"


def merged(a: str, b: str) -> bool:
    star = cluster(normal_column(pl.Series([a, b]))).star
    return bool(star[0] == star[1])


WORDS = [
    ("A field has 12 {} and corn grows on 5 of them. How many are without corn?", ["acres", "hectares"]),
    ("A cake calls for 3 {} of sugar a layer. How much sugar do 5 layers need?", ["teaspoons", "tablespoons"]),
    ("The number of members {} in a year and is 36 now. What was it?", ["doubled", "tripled"]),
    ("Round 3.14159 to the nearest {}.", ["tenth", "hundredth", "thousandth"]),
    ("How many days of {} are left after the 9th in the year 2023?", ["January", "February", "April"]),
    ("Ann {} 30 dollars at the bank and has 80 now. What had she?", ["deposits", "withdraws"]),
    ("A boat of 12 km per hour goes {} for 4 hours, the current is 3 km per hour. How far?", ["upstream", "downstream"]),
    ("A cyclist goes {} for 2 hours at 10 km per hour. How far?", ["uphill", "downhill"]),
    ("The point (3, 4) is turned {} by 90 degrees. Where is it?", ["clockwise", "counterclockwise"]),
    ("Find the {} interest on 500 dollars at 4 percent for 3 years.", ["simple", "compound"]),
    ("It is 20 degrees {} outside. What is it in kelvin?", ["Celsius", "Fahrenheit"]),
    ("An {} angle of a regular polygon is 60 degrees. How many sides has it?", ["interior", "exterior"]),
    ("An {} sequence begins with 3, 6. What is its tenth term?", ["arithmetic", "geometric"]),
    ("Draw 2 of 8 balls {}. In how many ways?", ["with replacement", "without replacement"]),
    ("The {} of a fraction is 12 and its value 2. What is the other part?", ["numerator", "denominator"]),
    ("The {} of a triangle is at (1, 2). Where is the vertex opposite (3, 4)?", ["incenter", "centroid", "orthocenter"]),
    ("两人在400米的跑道上从同一地点{}跑步，每秒分别跑5米和3米，多少秒后第一次相遇？", ["同向", "反向"]),
    ("轮船每小时行15千米，水速每小时3千米，{}航行6小时，行了多少千米？", ["顺水", "逆水"]),
    ("一个分数的{}是12，约分后等于三分之二，另一部分是多少？", ["分子", "分母"]),
    ("已知f(x)是{}，f(2)=5，f(3)=7，求f(-2)+f(-3)。", ["奇函数", "偶函数"]),
    ("两个数相除，{}是12，商是4，另一个数是多少？", ["被除数", "除数"]),
    ("一块地的面积是12{}，一半种小麦，小麦有多少？", ["亩", "公顷"]),
    ("一个数{}3得到15，这个数是多少？", ["除", "除以", "乘以"]),
    ("把一个数{}原来的3倍以后是24，这个数是多少？", ["扩大到", "缩小到"]),
    ("产量{}3倍以后是24吨，原来是多少吨？", ["增加了", "增加到"]),
    ("仓库里有苹果{}箱，每箱25千克，一共多少千克？", ["3百", "3千", "3万", "3亿"]),
    ("商品按定价的八折出售，利润率20%，{}是多少元？", ["定价", "售价", "进价"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), WORDS, ids=[w[1][0] for w in WORDS])
def test_one_word_that_changes_the_problem_keeps_it_apart(text: str, words: list[str]) -> None:
    before = LONG if text.isascii() else LANG
    for i, a in enumerate(words):
        for b in words[:i]:
            assert not merged(text.format(a), text.format(b)), (a, b)
            assert not merged(before + text.format(a), before + text.format(b)), (a, b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Start with 5. Multiply by 2. Add 3. What is it?", "Start with 5. Add 3. Multiply by 2. What is it?"),
        ("Think of a number, double it, add 6. You get 20.", "Think of a number, add 6, double it. You get 20."),
        ("Pat has 20 dollars. He spends 5. His savings then double.", "Pat has 20 dollars. His savings then double. He spends 5."),
        ("Face north. Turn right. Walk 3 km. Turn left.", "Face north. Turn left. Walk 3 km. Turn right."),
        ("She eats all her plums. She buys 12 plums.", "She buys 12 plums. She eats all her plums."),
        ("48除以4，再减去2，再乘以3，得多少？", "48除以4，再乘以3，再减去2，得多少？"),
        ("一件商品100元，先涨价20元，再打八折。", "一件商品100元，再打八折，先涨价20元。"),
        ("从5开始，乘以2，加上3，是多少？", "从5开始，加上3，乘以2，是多少？"),
    ],
)  # fmt: skip
def test_the_order_of_what_is_done_counts(a: str, b: str) -> None:
    assert not merged(a, b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Compute $5!$.", "Compute $5$."),
        ("What is the units digit of 7!?", "What is the units digit of 7?"),
        ("Simplify n!", "Simplify n"),
        ("计算：5!", "计算：5"),
        ("Find $f'(2)$.", "Find $f(2)$."),
        ("Find $f''(2)$.", "Find $f'(2)$."),
        ("Find the length of A'B if AB = 3.", "Find the length of AB if AB = 3."),
        (r"Simplify $\frac{6}{8}$.", r"Simplify $\frac{3}{4}$."),
        ("将分数 6/8 进行简化。", "将分数 9/12 进行简化。"),
        ("Find the distance from (1,200) to 0.", "Find the distance from (1200) to 0."),
        ("Find f(1,200).", "Find f(1200)."),
        ("Let p be true. Find ~p with 3 cases.", "Let p be true. Find p with 3 cases."),
        ("The ratio of a to b is 2:3", "The ratio of b to a is 2:3"),
    ],
)
def test_one_sign_that_changes_the_problem_keeps_it_apart(a: str, b: str) -> None:
    assert not merged(a, b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (r"Find $\sqrt 3$.", r"Find $\sqrt{3}$."),
        ("Find √3.", r"Find $\sqrt{3}$."),
        (r"Compute $3\cdot4$.", "Compute 3⋅4."),
        (r"Compute $\dfrac12$.", r"Compute $\frac{1}{2}$."),
        (r"Compute $1{,}000+2$.", "Compute 1,000 + 2."),
        (r"Compute $1\,000\,000+2$.", "Compute 1000000+2."),
        (r"Compute $\sin{30}$.", r"Compute $\sin 30$."),
        (r"Let $x\in\mathbb{R}$.", r"Let $x \in \mathbb R$."),
        (r"Compute $\sum\limits_{k=1}^{5}k$.", r"Compute $\sum_{k=1}^5k$."),
        (r"Compute $\lvert x\rvert$.", "Compute $|x|$."),
        (".5 of 30", "0.5 of 30"),
        ("Wow, what a lot of sheep there are!", "Wow, what a lot of sheep there are"),
    ],
)
def test_one_text_in_two_spellings_has_one_normal_form(a: str, b: str) -> None:
    assert normal(a) == normal(b)
    assert normal_column(pl.Series([a]))[0] == normal(a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("There were two hundred and five birds. Thirty flew away.", "There were 205 birds. 30 flew away."),
        ("人口是3万，一半是女性。", "人口是30000，一半是女性。"),
        ("人口是1.2万，一半是女性。", "人口是12000，一半是女性。"),
        ("Compute 3+5.", "What is 3+5?"),
        ("计算3+5。", "求3+5。"),
    ],
)
def test_one_problem_in_two_wordings_is_a_twin(a: str, b: str) -> None:
    assert merged(a, b)
