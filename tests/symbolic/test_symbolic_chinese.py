"""Chinese rows: what is made of them is Chinese throughout, and their known constants are known."""

import re

import pytest

from mathdata.augmentations.fobar import ASK as FOBAR_ASK
from mathdata.augmentations.self_verification import ASK as STATED_ASK
from mathdata.backends.symbolic_gsm8k import answer
from mathdata.symbolic import chinese
from mathdata.types import Problem, Request, Sampling
from mathdata.verifiers import check_steps, judge

PENS = ("小明有12支铅笔，妈妈又给他买了8支，他送给同学5支。小明还剩多少支？", "12+8 = 20 支。\n20-5 = 15 支。\n#### 15")
AGES = ("小明7岁，爸爸35岁，爸爸比小明大多少岁？", "35-7=28 岁。\n#### 28")
SWEETS = (
    "一袋糖450克，吃了90克，剩下的平均分给6个小朋友，每人分到几克？",
    "450-90=360（克）\n360÷6=60（克）\n答：每人分到60克。\n#### 60",
)


def ask(method, row, seed=4096):
    problem = Problem("ab12", row[0], row[1], row[1].rsplit("#### ", 1)[1], language="zh")
    (made,) = answer(Request(method, problem, sampling=Sampling(seed=seed, n=1)))
    return made


@pytest.mark.parametrize("row", [PENS, AGES, SWEETS])
@pytest.mark.parametrize("method", ["vary_numbers", "fobar", "self_verification", "step_cot"])
def test_what_is_made_of_a_chinese_row_is_chinese(method, row):
    made = ask(method, row).data
    told = f"{made['problem']}\n{made['solution']}".replace("\\boxed", "")
    assert re.findall(r"[A-Za-z]{2,}", told) == []
    assert not re.search(r"[?？]\s*[?？]", told)
    assert judge(made["answer"], made["solution"]).ok
    assert check_steps(made["solution"]).false == 0


def test_the_backward_question_is_asked_as_the_augmentation_asks_it():
    assert FOBAR_ASK["zh"] == chinese.ASK
    assert STATED_ASK["zh"] == chinese.ASK_STATED
    assert (
        ask("fobar", AGES)
        .data["problem"]
        .endswith("爸爸比小明大多少岁？如果已知上述问题的答案是 28，那么未知数 x 的值是多少？")
    )


def test_the_unknown_is_derived_in_chinese():
    lines = [ask("fobar", SWEETS, seed).data["solution"] for seed in range(4096, 4099)]
    assert any(
        "答案是 60，所以 360/x = 60。\n两边同乘分母，再把含 x 的项移到一边，得 60x = 360。\n所以 x = " in text
        for text in lines
    )


def test_steps_are_numbered_in_chinese():
    assert ask("step_cot", PENS).data["solution"] == (
        "## 步骤 1：把 12 和 8 相加\n12+8 = 20 支。\n\n## 步骤 2：从 20 中减去 5\n20-5 = 15 支。\n\n"
        "因此，最终答案是：$\\boxed{15}$。"
    )


@pytest.mark.parametrize(
    ("asked", "unit", "told"),
    [
        ("小明还剩多少支？", "支", "小明还剩 15 支。"),
        ("每小时行60千米，几小时可以到达？", "", "每小时行60千米，15 小时可以到达。"),
        ("请问，每人分到几克？", "", "每人分到 15 克。"),
        ("现在要付多少钱？", "元", "现在要付 15 元。"),
        ("现在要付多少钱？", "", "问题“现在要付多少钱？”的答案是 15。"),
        ("求小明还剩多少支。", "支", "问题“求小明还剩多少支？”的答案是 15。"),
        ("好几个人走了，还剩几个？", "个", "问题“好几个人走了，还剩几个？”的答案是 15。"),
    ],
)
def test_a_chinese_question_becomes_a_statement(asked, unit, told):
    assert chinese.state(asked, "15", unit) == told


def test_a_chinese_question_is_not_put_into_other_words_by_english_rules():
    made = ask("rephrase", PENS)
    assert made.finish == "unsupported"
    assert "Chinese" in made.reason


@pytest.mark.parametrize(
    ("question", "solution", "constant"),
    [
        ("小红每天读15页书，她一个星期读多少页？", "15×7=105 页。\n#### 105", "7"),
        ("小红每天读15页书，她一周读多少页？", "15×7=105 页。\n#### 105", "7"),
        ("李叔叔每月存500元，一年能存多少元？", "500×12=6000 元。\n#### 6000", "12"),
        ("小华每天存4元，一年能存多少元？", "4×365=1460 元。\n#### 1460", "365"),
        ("机器每分钟做3个零件，2小时做多少个？", "2×60=120 分钟。\n3×120=360 个。\n#### 360", "60"),
        ("一箱苹果重3千克，5箱苹果重多少克？", "3×1000=3000 克。\n3000×5=15000 克。\n#### 15000", "1000"),
        ("衣服原价200元，打八折出售。现在要付多少元？", "200×0.8=160 元。\n#### 160", "0.8"),
        ("衣服原价200元，打8折出售。便宜了多少元？", "200×20%=40 元。\n#### 40", "20"),
        ("衣服原价200元，打八五折出售。现在要付多少元？", "200×85%=170 元。\n#### 170", "85"),
        ("绳子长24米，用去四分之三，用去多少米？", "24×3÷4=18 米。\n#### 18", "3"),
    ],
)
def test_known_constants_are_known_and_stay(question, solution, constant):
    made = ask("vary_numbers", (question, solution))
    assert made.data["problem"] != question
    assert constant in re.findall(r"\d+(?:\.\d+)?", made.data["solution"])
    assert judge(made.data["answer"], made.data["solution"]).ok
    hidden = {ask("fobar", (question, solution), seed).data.get("answer") for seed in range(4096, 4100)}
    assert constant not in hidden
    assert hidden - {None}


def test_dates_discounts_and_labels_stay():
    row = (
        "第3小组5月6日买了24本书，每本打8折后15元，3年级付了400元，应找回多少元？",
        "24×15=360（元）\n400-360=40（元）\n#### 40",
    )
    for seed in range(10):
        made = ask("vary_numbers", row, seed).data
        assert made["problem"].startswith("第3小组5月6日")
        assert "8折" in made["problem"]
        assert "3年级" in made["problem"]


def test_a_sum_before_a_chinese_unit_is_bracketed():
    lines = [ask("fobar", SWEETS, seed).data["solution"] for seed in range(4096, 4099)]
    assert any("答：每人分到(x/6 - 15)克。" in text for text in lines)
