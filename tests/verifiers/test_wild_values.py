"""Values as they are written in the wild: what meets a gold, what does not, and laws that hold for all of them."""

import itertools
import random

import pytest

from mathdata.verifiers import judge, same

MET = r"""
7 ¦ \textcolor{red}{7} ¦ \color{blue}{7} ¦ {\color{red} 7} ¦ \colorbox{yellow}{7}
125 ¦ 125 \textnormal{ miles} ¦ $125$ miles ¦ $125$ \text{miles} ¦ \text{Distance: } 125 ¦ \text{The distance is: } 125\text{ miles}
64800 ¦ \text{Total} = \$64,800 ¦ \text{Total cost: } 64800 ¦ 64.800,00 ¦ 64,800.00
28\% ¦ 28 pct ¦ $28$ percent ¦ 28\text{ pct} ¦ 0.28 ¦ 28 ¦ 28 per cent
150\% ¦ 1.5 ¦ 150
\frac{5}{8} ¦ 62.5\% ¦ 0.625
36 ¦ 36千克 ¦ 36千米 ¦ 36千瓦 ¦ 36 千克
5千克 ¦ 5公斤 ¦ 5000克 ¦ 5
3千 ¦ 3000
12千米 ¦ 12000米 ¦ 12km
100, 200 ¦ 100,200 ¦ \{200,100\} ¦ x=100,200 ¦ 100 \text{ and } 200
100200 ¦ 100,200
1,234 ¦ 1234 ¦ 1{,}234
5e+3 ¦ 3+5e
2e-1 ¦ -1+2e
0.003 ¦ 3e-3 ¦ 3.0e-3 ¦ 3E-3
4.5e33 ¦ 4.5\times10^{33} ¦ 4.5E+33
x<1 ¦ -x>-1 ¦ 2x<2 ¦ x-1<0 ¦ 1>x ¦ (-\infty,1)
x \ge 3 ¦ 2x+1 \ge 7 ¦ [3,+\infty) ¦ -x \le -3
(1,3) ¦ 3<x+2<5 ¦ 1<x<3 ¦ -3<-x<-1
1 \le |z| \le \frac32 ¦ 1≤|z|≤3/2 ¦ 1 \leq |z| \leq 1.5 ¦ \frac{3}{2} \ge |z| \ge 1
(0,1) ¦ 0<f(x)<1 ¦ 0<a_n<1 ¦ \{y|0<y<1\}
0<f(x)<1 ¦ (0,1) ¦ f(x)\in(0,1)
a \le -2 \text{ or } a = 1 ¦ (-\infty,-2]\cup\{1\} ¦ a=1 或 a≤-2 ¦ \{a \mid a \le -2 \text{ or } a=1\}
\{x|-1<x<1\} ¦ (-1,1) ¦ -1<x<1 ¦ \{x : -1 < x < 1\} ¦ \left\{x\,|\,-1<x<1\right\} ¦ \{x \in \mathbb{R} | -1<x<1\}
\{x|x>2\} ¦ (2,\infty) ¦ x>2 ¦ {x|x>2}
0, 2, -2 ¦ 0, \pm 2 ¦ \{0,\pm2\} ¦ 0,±2
(1,2), (-1,2) ¦ (\pm 1, 2)
(3,2),(-3,2),(3,-2),(-3,-2) ¦ (\pm 3, \pm 2)
(1,2),(-1,-2) ¦ (\pm 1, \pm 2)
\{1+\sqrt2, 1-\sqrt2, 5\} ¦ \{5, 1\pm\sqrt2\}
7:32 ¦ S_1:S_2=7:32 ¦ \frac{7}{32} ¦ S_{1} : S_{2} = 7 : 32
1:2:3 ¦ a:b:c=1:2:3
16, 3 ¦ w=16, d=3 ¦ w=16 \text{ and } d=3
(16,3) ¦ w=16, d=3 ¦ (w,d)=(16,3)
(5,2),(7,2) ¦ p=5,q=2;p=7,q=2 ¦ p=5, q=2 \text{ or } p=7, q=2 ¦ (p,q)=(5,2) \text{ or } (7,2) ¦ (p,q)=(5,2),(7,2)
y_1=2x,y_2=x+1 ¦ y_1=2x \text{ and } y_2=1+x
2, -6-4\sqrt2 ¦ $a=2$, $a=-6-4 \sqrt{2}$ ¦ $2$, $-6-4\sqrt{2}$
$a=2$, $a=5$ ¦ 2, 5 ¦ \{5, 2\} ¦ a=5, a=2
$100$,$200$ ¦ 100, 200 ¦ 200 \text{ and } 100
$(1,2)$,$(2,1)$ ¦ (2,1),(1,2)
f(n)=2n+7 ¦ f(x)=2x+7 ¦ f(m)=7+2m ¦ 2n+7 ¦ f(x)=2x+7 \text{ for all } x ¦ f(x) = 2x+7 \text{ for all real numbers } x
f(x)=x^2 ¦ f(x)=x^2, x\in\mathbb{R} ¦ f(x)=x^2 \text{ for all } x \in \mathbb{R}
f(n)=n, g(n)=1 ¦ (f(n),g(n))=(n,1) \text{ for all positive integers } n ¦ f(x)=x, g(x)=1
x=k\pi, k\in\mathbb{Z} ¦ x=k\pi ¦ x=n\pi, n\in\mathbb{Z} ¦ x = n\pi \text{ for some integer } n ¦ x=k\pi (k\in\mathbb{Z}) ¦ x=k\pi，k∈Z
(-32+3t, 64-5t) ¦ (-32+3k, 64-5k) \text{ for some integer } k ¦ (x,y)=(-32+3s,64-5s), s\in\mathbb{Z}
y=\frac{2}{5}x+\frac{7}{5} ¦ 10y=4x+14 ¦ 5y-2x=7 ¦ y=0.4x+1.4
\frac{6}{x} ¦ xy=6 ¦ y=\frac6x
12 ¦ 12^{\mathrm{th}} ¦ 12^{th} ¦ 12th ¦ 12^{\text{th}} ¦ 第12
3 ¦ 3^{rd} ¦ 3\text{rd}
10^{-16} ¦ 10^{-16}\ J ¦ 10^{-16}\ \mathrm{J} ¦ 10^{-16}\text{ J}
3\times 10^8 ¦ 3\times10^{8}\ \mathrm{m/s} ¦ 3 \times 10^8 \text{ m s}^{-1}
60 km/h ¦ 60\,\mathrm{km\,h^{-1}} ¦ 60 ¦ 60 \text{ kilometers per hour}
\frac{1}{6} ¦ 0.1(6) ¦ 0.1\overline{6} ¦ 0.1\dot{6}
\frac13 ¦ 0.(3) ¦ 0.\overline{3} ¦ \frac13 \approx 0.333
0.1875 ¦ 0.0011_2 ¦ 0.0011_{2}
1234567 ¦ 1.234.567 ¦ 12,34,567 ¦ 1,234,567 ¦ 1'234'567 ¦ 1 234 567
1234.56 ¦ 1.234,56 ¦ 1,234.56
\sqrt2 ¦ \sqrt2 \approx 1.414 ¦ \sqrt{2} ≈ 1.41
x^2+C ¦ x^2+K ¦ x^2+C_1 ¦ x^2+c ¦ C+x^2
2:30 pm ¦ 14:30 ¦ 2:30 p.m.
|AB|=5 ¦ 5
5 ¦ |AB|=5 ¦ AB=5 ¦ \angle A=5 ¦ x=2+3=5 ¦ 2+3=5 ¦ f(2)=5 ¦ S_5=5 ¦ P(A)=5 ¦ \overline{AB}=5
8 ¦ x=8 ¦ 8=x ¦ 答案=8
(-\infty, 2) ¦ a<2 ¦ 2>a ¦ -2a>-4
\arccos(1-2a) ¦ \arccos(-2a+1)
\mathbb{R} ¦ (-\infty,+\infty) ¦ 全体实数
9\text{ cm}^2 ¦ 9 ¦ 9cm²
3:4:5 ¦ 6:8:10 ¦ a:b:c=3:4:5
(0,+\infty) ¦ \mathbb{R}^+ ¦ \mathbb{R}_{+} ¦ x>0
x=1,y=2 ¦ x=1且y=2 ¦ (1,2)
2.5\times10^{-3}\ \mathrm{mol} ¦ 0.0025 ¦ 2.5e-3
9.8\ \mathrm{m/s^2} ¦ 9.8 m/s^{2} ¦ 9.8 \text{ m/s}^2 ¦ 9.8
7,4 ¦ 7 \text{ goats and } 4 \text{ planes} ¦ 7\text{ goats}, 4 \text{ planes}
-2,-2 ¦ a=-2, b=-2 ¦ a=-2,\ b=-2
\sin\left(2x\right) ¦ \text{sin}(2x) ¦ \\sin\bigg(2x\bigg)
\left(-\frac12, 2\right] ¦ (-\frac12, 2.]
\infty ¦ \text{infinitely many} ¦ 无穷多
\frac32 ¦ \frac{S_1}{S_2}=\frac32 ¦ a:b=3:2 ¦ \frac{AB}{CD}=1.5
\frac35 ¦ \sin A=\frac35 ¦ \cos\theta = 0.6
2\frac12 ¦ 2.5 ¦ 二又二分之一
"""

NOT_MET = r"""
12 ¦ 1200\% ¦ 12^2
2 ¦ 200\%
0.5\% ¦ 0.5 ¦ 50\%
28\% ¦ 2800 ¦ 0.0028 ¦ 2.8
5000 ¦ 5千克 ¦ 5千米
36000 ¦ 36千克
20 ¦ 2e+1
0.2 ¦ 2e-1
100200 ¦ 100, 201 ¦ 100,201
100, 200 ¦ 100,201 ¦ 200100
0.5 ¦ 0.46 ¦ \frac{5}{11} ¦ 0.54
(0.5, 1.5) ¦ (0.46, 1.54)
0.33 ¦ \frac13 ¦ 0.3333
6 ¦ 2x=6 ¦ x^2=6 ¦ |x|=6 ¦ 5=6 ¦ x^2+y^2=6 ¦ xy=6 ¦ \sqrt{x}=6 ¦ x+1=6 ¦ x \ne 6 ¦ x>6 ¦ 6\text{ or }7 ¦ 7=3\cdot 2=5=6
0 ¦ a+3z=0 ¦ x^2=0
2 ¦ x \equiv 5 \pmod 2 ¦ x \equiv 2 \pmod 5
x \equiv 1 \pmod 6 ¦ 1 ¦ x \equiv 1 \pmod 5 ¦ x \equiv 2 \pmod 6
a+3z=0 ¦ 0
2x+z=1 ¦ 1
x<1 ¦ -x<-1 ¦ x>1 ¦ x\le 1 ¦ 2x<1 ¦ -x>1
(0,1) ¦ 0\le f(x)<1 ¦ 0<f(x)<2
\{x|-1<x<1\} ¦ (-1,1] ¦ (-1,2) ¦ \{-1,1\}
a \le -2 \text{ or } a = 1 ¦ (-\infty,-2] ¦ (-\infty,-2]\cup\{2\} ¦ a \le 1
0, 2, -2 ¦ 0, 2 ¦ \pm 2 ¦ 0, \pm 3
(1,2), (-1,2) ¦ (1,2) ¦ (\pm 2, 1)
7:32 ¦ S_1:S_2=32:7 ¦ S_1:S_2=7:31
(5,2),(7,2) ¦ p=5,q=2 ¦ p=5,q=2;p=7,q=3 ¦ p=2,q=5;p=2,q=7
(16,3) ¦ w=3, d=16
f(n)=2n+7 ¦ f(m)=2n+7 ¦ f(x)=2x+8 ¦ f(n)=2n
2^k ¦ 2^n ¦ 2^x
x=k\pi, k\in\mathbb{Z} ¦ x=2k\pi, k\in\mathbb{Z} ¦ x=\pi ¦ x=\frac{k\pi}{2}
y=\frac{2}{5}x+\frac{7}{5} ¦ 10y=4x+15
12 ¦ 21^{th} ¦ 12^{2}
\frac{1}{6} ¦ 0.16 ¦ 0.(6) ¦ 0.1(7)
0.1875 ¦ 0.0011_3 ¦ 0.0010_2
1234567 ¦ 1.234.568 ¦ 12,34,568
1.234 ¦ 1234
2197 ¦ 2,198
x^2+C ¦ x^2 ¦ x^3+K ¦ x^2+2C
3:4:5 ¦ 5:4:3 ¦ 6:8:9 ¦ 3:4
9.8\ \mathrm{m/s^2} ¦ 9.8 m/s ¦ 9.8 km/s^2
2:30 pm ¦ 2:30 am ¦ 15:30 ¦ 02:30 am
10^{-16} ¦ 10^{-15}\ J
5 ¦ x=5y ¦ 5x ¦ 5\text{ or }6
-4x^2+4x-1 ¦ y+1=-(2x-1)^2
"""


def rows(table):
    return [[part.strip() for part in line.split("¦")] for line in table.strip().splitlines()]


def boxed(answer):
    return f"\\boxed{{{answer}}}"


def test_the_tables_hold_three_hundred_cases():
    assert sum(len(r) - 1 for r in rows(MET) + rows(NOT_MET)) >= 300


@pytest.mark.parametrize("row", rows(MET), ids=lambda r: r[0][:30])
def test_a_gold_is_met_in_each_of_its_wild_spellings(row):
    gold, *answers = row
    assert [a for a in answers if not judge(gold, boxed(a)).ok] == []


@pytest.mark.parametrize("row", rows(NOT_MET), ids=lambda r: r[0][:30])
def test_a_gold_is_not_met_by_what_only_looks_like_it(row):
    gold, *answers = row
    assert [a for a in answers if judge(gold, boxed(a)).ok] == []


def test_no_pair_of_wild_values_depends_on_its_order():
    texts = sorted({part for row in rows(MET) + rows(NOT_MET) for part in row})
    pairs = random.Random(7).sample(list(itertools.combinations(texts, 2)), 1500)
    own = [p for row in rows(MET) + rows(NOT_MET) for p in itertools.combinations(row, 2)]
    apart = [(a, b) for a, b in pairs + own if same(a, b).status != same(b, a).status]
    assert apart == []


ASKED = "Round your answer to the nearest hundredth."
PLAIN = "What is the share of red balls?"


@pytest.mark.parametrize(
    ("gold", "answer", "alone", "asked", "plain"),
    [
        ("0.33", "1/3", False, True, False),
        ("0.333", "1/3", True, True, False),
        ("0.5", "0.46", False, True, False),
        ("0.5", "5/11", False, True, False),
        ("0.5", "1/2", True, True, True),
        ("3.14", "\\pi", True, True, False),
        ("3.1", "\\pi", False, True, False),
        ("58.0", "58.04", False, False, False),
        ("(0.5, 1.25)", "(0.46, 1.254)", False, True, False),
        ("(0.512, 1.25)", "(0.5117, 1.254)", True, True, False),
        ("6.67\\%", "\\frac{1}{15}", True, True, False),
        ("1/3", "0.333", False, False, False),
    ],
)
def test_a_decimal_gold_is_met_at_its_places_where_the_problem_asks_so(gold, answer, alone, asked, plain):
    assert judge(gold, boxed(answer)).ok is alone
    assert judge(gold, boxed(answer), problem=ASKED).ok is asked
    assert judge(gold, boxed(answer), problem=PLAIN).ok is plain


@pytest.mark.parametrize(
    ("problem", "asks"),
    [
        ("Express x to two decimal places.", True),
        ("Give x correct to three significant figures.", True),
        ("Approximate the integral.", True),
        ("Estimate the height of the tower.", True),
        ("Find the volume. Use 3.14 for $\\pi$.", True),
        ("得数保留两位小数。", True),
        ("圆的面积约是多少平方米？", True),
        ("结果精确到0.1", True),
        ("π取3.14，求周长。", True),
        ("8 people sit at a round table.", False),
        ("In each round he wins 3 points; there are 5 rounds.", False),
        ("12和18的最大公约数是多少？", False),
        ("把分数约分。", False),
        ("What is 0.5 times 3?", False),
    ],
)
def test_a_problem_that_asks_to_round_is_known(problem, asks):
    from mathdata.verifiers.precision import asks_to_round

    assert asks_to_round(problem) is asks
