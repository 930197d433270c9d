r"""MATH: 5,000 competition problems in 7 subjects and 5 levels, answers in `\boxed{}`."""

from __future__ import annotations

from functools import partial

import polars as pl

from mathdata.benchmarks._source import address, last_boxed, load
from mathdata.registry import register
from mathdata.types import Benchmark, Frame

FEWSHOT = (
    {
        "problem": r"Find the domain of the expression $\frac{\sqrt{x-2}}{\sqrt{5-x}}$.",
        "solution": "The expressions inside each square root must be non-negative. Therefore, $x-2 \\ge 0$, so "
        "$x\\ge2$, and $5 - x \\ge 0$, so $x \\le 5$. Also, the denominator cannot be equal to zero, so $5-x>0$, which "
        "gives $x<5$. Therefore, the domain of the expression is $\\boxed{[2,5)}$.",
    },
    {
        "problem": r"If $\det \mathbf{A} = 2$ and $\det \mathbf{B} = 12,$ then find $\det (\mathbf{A} \mathbf{B}).$",
        "solution": "We have that $\\det (\\mathbf{A} \\mathbf{B}) = (\\det \\mathbf{A})(\\det \\mathbf{B}) = "
        "(2)(12) = \\boxed{24}.$",
    },
    {
        "problem": "Terrell usually lifts two 20-pound weights 12 times. If he uses two 15-pound weights instead, how "
        "many times must Terrell lift them in order to lift the same total weight?",
        "solution": "If Terrell lifts two 20-pound weights 12 times, he lifts a total of $2\\cdot 12\\cdot20=480$ "
        "pounds of weight.  If he lifts two 15-pound weights instead for $n$ times, he will lift a total of "
        "$2\\cdot15\\cdot n=30n$ pounds of weight.  Equating this to 480 pounds, we can solve for $n$: "
        "$30n=480$, so $n=480/30=\\boxed{16}$.",
    },
    {
        "problem": "If the system of equations\n\n\\begin{align*}\n6x-4y&=a,\\\\\n6y-9x &=b.\n\\end{align*}has a "
        "solution $(x, y)$ where $x$ and $y$ are both nonzero,\nfind $\\frac{a}{b},$ assuming $b$ is nonzero.",
        "solution": "If we multiply the first equation by $-\\frac{3}{2}$, we obtain\n\n$$6y-9x=-\\frac{3}{2}a.$$"
        "Since we also know that $6y-9x=b$, we have\n\n$$-\\frac{3}{2}a=b\\Rightarrow\\frac{a}{b}="
        "\\boxed{-\\frac{2}{3}}.$$",
    },
)


def shape(raw: Frame) -> Frame:
    return raw.select(
        pl.col("unique_id").alias("id"),
        "problem",
        pl.Series("answer", [last_boxed(s) for s in raw["solution"].to_list()], dtype=pl.String),
        "solution",
        pl.col("type").alias("subject"),
        "level",
    )


WHERE = ("math/test.jsonl", "hf://EleutherAI/hendrycks_math?split=test")


def rows() -> Frame:
    return load(*WHERE, shape)


register("benchmark", "math", "5,000 competition problems, 7 subjects, 5 levels (English)")(
    Benchmark(
        name="math",
        load=rows,
        source=partial(address, *WHERE),
        families=(),
        version="test-5000",
        licence="MIT",
        prompt="minerva",
        rule="math",
        strict_rule="boxed",
        fewshot=FEWSHOT,
        max_tokens=1024,
        by=("subject", "level"),
        note="Rights: published by its authors under MIT; a hub copy was taken down after a notice.",
    )
)
