"""Simple chances and counts: coins, dice, balls drawn, balls in boxes, choices, letters in a row."""

from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction
from itertools import product
from math import comb, factorial, prod

from mathdata.symbolic.formulas.exact import Exact, fraction_latex
from mathdata.symbolic.formulas.family import Family, Lines, Pieces, Solved, asks, solved_value
from mathdata.symbolic.formulas.integers import whole_numbers
from mathdata.symbolic.lexer import number_words
from mathdata.symbolic.solution import Unsupported

__all__ = ["FAMILIES"]

_WORDS = number_words()
_SMALL = "two|three|four|five|six|seven|eight|nine|ten|twelve"
_N = rf"(@|[Oo]ne|{_SMALL}|{'|'.join(w.capitalize() for w in _SMALL.split('|'))})"


def _numbers(match: re.Match[str], formulas: list[str]) -> list[int]:
    """The captured numbers in the order of the text, from `@` and from words."""
    plain = iter(whole_numbers(formulas, 10_000))
    found = []
    for group in match.groups():
        if group == "@":
            found.append(next(plain))
        elif group is not None and group.lower() in _WORDS:
            found.append(_WORDS[group.lower()])
    if next(plain, None) is not None:
        raise Unsupported("does not parse", "a number that is not read")
    return found


_COINS = [
    asks(rf"(?:A fair coin is (?:flipped|tossed)|(?:We|I) flip a fair coin) {_N} times\. What is the probability that (?:we get )?(exactly|at least|at most) {_N} of the (?:flips|tosses) (?:come|are) (?:up )?(?:heads|tails)"),
    asks(rf"(?:We|I) (?:flip|toss) a fair coin {_N} times\. What is the probability that (?:we|I) get (?:heads|tails) in (exactly|at least|at most) {_N} of the {_N} (?:flips|tosses)"),
    asks(rf"{_N} coins are simultaneously (?:flipped|tossed)\. What is the probability that (?:heads|tails) are showing on (exactly|at least|at most) {_N} of them"),
]  # fmt: skip


def read_coins(made: Pieces) -> Solved | None:
    match = next((m for p in _COINS if (m := p.fullmatch(made.prose))), None)
    if match is None:
        return None
    numbers = _numbers(match, made.formulas)
    n, k = numbers[0], numbers[1]
    if not 1 <= k <= n <= 20 or (len(numbers) == 3 and numbers[2] != n):
        raise Unsupported("no value", "no such number of flips")
    how = next(g for g in match.groups() if g in ("exactly", "at least", "at most"))
    wanted = {"exactly": [k], "at least": list(range(k, n + 1)), "at most": list(range(k + 1))}[how]
    counts = [comb(n, i) for i in wanted]
    good = sum(counts)
    written = " + ".join(f"\\binom{{{n}}}{{{i}}}" for i in wanted)
    sums = f" = {' + '.join(map(str, counts))}" if len(counts) > 1 else ""
    lines = [
        ("Count all sequences", f"$2^{{{n}}} = {2**n}$."),
        ("Count those that are wanted", f"${written}{sums} = {good}$."),
        ("Divide", f"$\\frac{{{good}}}{{{2**n}}} = {fraction_latex(Fraction(good, 2**n))}$."),
    ]
    return solved_value(lines, Exact.of(Fraction(good, 2**n)))


_EVEN = [
    asks(rf"\w+ rolls {_N} fair {_N}-sided dice(?:, (?:and )?each (?:of the dice has faces )?numbered (?:with numbers )?from @ to @)?\.(?: The @ faces of each die are numbered from @ to @\.)? What is the probability that exactly {_N} of the dice show an (?:even|odd) number"),
    asks(rf"(?:We|I) roll a fair {_N}-sided die {_N} times\. What is the probability that (?:we|I) get an (?:even|odd) number in exactly {_N} of the {_N} rolls"),
]  # fmt: skip


def read_even(made: Pieces) -> Solved | None:
    for turned, pattern in enumerate(_EVEN):
        match = pattern.fullmatch(made.prose)
        if match is None:
            continue
        ranges = "numbered" in made.prose
        formulas = list(made.formulas)
        numbered: list[int] = []
        if ranges:  # the faces are told again: sides, "1", sides
            at = sum(g == "@" for g in match.groups()[:2])
            extra = 3 if "faces of each die" in made.prose else 2
            numbered = whole_numbers(formulas[at : at + extra])
            formulas = formulas[:at] + formulas[at + extra :]
        numbers = _numbers(match, formulas)
        dice, sides = (numbers[1], numbers[0]) if turned else (numbers[0], numbers[1])
        k = numbers[2]
        if sides % 2 or sides < 2 or not 1 <= k <= dice <= 12 or (turned and numbers[3] != dice):
            raise Unsupported("no value", "an odd number of sides")
        if numbered and (numbered[-2:] != [1, sides] or any(n != sides for n in numbered[:-2])):
            raise Unsupported("no value", "faces that are not 1 to n")
        value = Fraction(comb(dice, k), 2**dice)
        lines = [
            ("Half of the numbers are even, half are odd", f"$\\frac{{{sides // 2}}}{{{sides}}} = \\frac{{1}}{{2}}$."),
            ("Choose the dice that show it", f"$\\binom{{{dice}}}{{{k}}} = {comb(dice, k)}$."),
            (
                "Multiply by the chance of one such outcome",
                f"${comb(dice, k)} \\cdot \\left(\\frac{{1}}{{2}}\\right)^{{{dice}}} = {fraction_latex(value)}$.",
            ),
        ]
        return solved_value(lines, Exact.of(value))
    return None


_SUMS = asks(
    rf"(?:If )?{_N}(?: fair| standard|,)*,? (?:{_N}-(?:sided|faced) )?dice are (?:rolled|tossed)[.,] ?[Ww]hat is the probability that the sum(?: of the(?: two| three)? numbers(?: showing| shown| on the (?:dice|top faces)|shown on the dice)?| of the face up integers| rolled)? is (less than |greater than )?{_N}",
)  # fmt: skip


def read_sums(made: Pieces) -> Solved | None:
    match = _SUMS.fullmatch(made.prose)
    if match is None:
        return None
    numbers = _numbers(match, made.formulas)
    dice, sides, wanted = numbers if len(numbers) == 3 else (numbers[0], 6, numbers[1])
    if not 2 <= dice <= 3 or not 2 <= sides <= 12:
        raise Unsupported("no value", "too many dice")
    how = (match[3] or "").strip()
    totals = Counter(map(sum, product(range(1, sides + 1), repeat=dice)))
    good = sum(
        c for t, c in totals.items() if (t < wanted if how == "less than" else t > wanted if how else t == wanted)
    )
    everything = sides**dice
    if not 0 < good < everything:
        raise Unsupported("no value", "a sum that never or always comes")
    value = Fraction(good, everything)
    lines = [
        ("Count all outcomes", f"${sides}^{dice} = {everything}$."),
        (f"Count the outcomes whose sum is {how + ' ' if how else ''}{wanted}", f"There are {good}."),
        (
            "Divide",
            f"$\\frac{{{good}}}{{{everything}}}{'' if value.denominator == everything else f' = {fraction_latex(value)}'}$.",
        ),
    ]
    return solved_value(lines, Exact.of(value))


_COLOR = "red|white|black|blue|green|yellow|orange|purple"
_THING = "balls|marbles|chips|beads|candies"
_DRAWN = asks(
    rf"An? (?:box|bag|bin|urn|jar) (?:contains|has|holds) @ ({_COLOR}) (?:{_THING}) and @ ({_COLOR}) (?:{_THING})\. {_N} (?:{_THING}) are drawn(?: out of| from)?(?: the (?:box|bag|bin|urn|jar))?(?: at random)?(?: without replacement)?\. What is the probability that they (?:both are|are both|all are|are all) ({_COLOR})",
    rf"An? (?:box|bag|bin|urn|jar) (?:contains|has|holds) @ ({_COLOR}) (?:{_THING}) and @ ({_COLOR}) (?:{_THING})\. (A) (?:ball|marble|chip|bead) is drawn(?: out of| from)?(?: the (?:box|bag|bin|urn|jar))? at random\. What is the probability that the (?:ball|marble|chip|bead) is ({_COLOR})",
)  # fmt: skip
_PAIR = asks(
    rf"An? (?:box|bag|bin|urn|jar) (?:contains|has|holds) @ ({_COLOR}) (?:{_THING}) and @ ({_COLOR}) (?:{_THING})\. Two (?:{_THING}) are drawn from the (?:box|bag|bin|urn|jar) and not replaced\. What is the probability that the first (?:ball|marble|chip|bead) is ({_COLOR}) and the second (?:ball|marble|chip|bead) is ({_COLOR})",
)  # fmt: skip


def read_drawn(made: Pieces) -> Solved | None:
    match = _DRAWN.fullmatch(made.prose)
    if match is None:
        return None
    groups = [g for g in match.groups() if g]
    first, second, drawn, wanted = groups
    if first == second or wanted not in (first, second):
        raise Unsupported("no value", "a colour that is not there")
    numbers = whole_numbers(made.formulas, 200)
    amounts = dict(zip((first, second), numbers))
    k = 1 if drawn == "A" else numbers[2] if drawn == "@" else _WORDS[drawn.lower()]
    n, total = amounts[wanted], sum(numbers[:2])
    if not 1 <= k <= n or n == total:
        raise Unsupported("no value", "more drawn than there are")
    value = Fraction(comb(n, k), comb(total, k))
    if k == 1:
        lines: Lines = [
            ("Add", f"${numbers[0]} + {numbers[1]} = {total}$."),
            (f"Divide the number of {wanted} ones by it", _fraction(n, total)),
        ]
    else:
        lines = [
            ("Add", f"${numbers[0]} + {numbers[1]} = {total}$."),
            ("Count all choices", f"$\\binom{{{total}}}{{{k}}} = {comb(total, k)}$."),
            (f"Count the choices of {wanted} ones", f"$\\binom{{{n}}}{{{k}}} = {comb(n, k)}$."),
            ("Divide", _fraction(comb(n, k), comb(total, k))),
        ]
    return solved_value(lines, Exact.of(value))


def _fraction(a: int, b: int) -> str:
    over, done = f"\\frac{{{a}}}{{{b}}}", fraction_latex(Fraction(a, b))
    return f"${over}$." if over == done else f"${over} = {done}$."


def read_pair(made: Pieces) -> Solved | None:
    match = _PAIR.fullmatch(made.prose)
    if match is None:
        return None
    first, second, one, two = match.groups()
    numbers = whole_numbers(made.formulas, 200)
    if first == second or not {one, two} <= {first, second}:
        raise Unsupported("no value", "a colour that is not there")
    amounts = dict(zip((first, second), numbers))
    total = sum(numbers)
    left = amounts[two] - (one == two)
    if left < 1 or total < 2:
        raise Unsupported("no value", "too few")
    value = Fraction(amounts[one], total) * Fraction(left, total - 1)
    lines = [
        (f"The first is {one}", _fraction(amounts[one], total)),
        (f"The second is {two}, one being gone", _fraction(left, total - 1)),
        (
            "Multiply",
            f"$\\frac{{{amounts[one]}}}{{{total}}} \\cdot \\frac{{{left}}}{{{total - 1}}} = {fraction_latex(value)}$.",
        ),
    ]
    return solved_value(lines, Exact.of(value))


_BOXES = asks(
    r"How many ways are there to put @ balls in @ boxes if the balls are (not distinguishable|distinguishable) (and|but) (the boxes are distinguishable|the boxes are not|the boxes are|neither are the boxes)",
    r"How many ways are there to put @ (indistinguishable|distinguishable) balls into @ (indistinguishable|distinguishable) boxes",
)


def read_boxes(made: Pieces) -> Solved | None:
    match = _BOXES.fullmatch(made.prose)
    if match is None:
        return None
    n, k = whole_numbers(made.formulas, 12)
    groups = [g for g in match.groups() if g]
    if groups[-1].startswith(("indis", "dis")):
        balls, boxes = groups[0] == "distinguishable", groups[1] == "distinguishable"
    else:
        balls = groups[0] == "distinguishable"
        boxes = groups[2] == "the boxes are distinguishable" or (groups[2] == "the boxes are" and not balls)
    if not 1 <= n <= 8 or not 1 <= k <= 6:
        raise Unsupported("no value", "too many balls")
    if balls and boxes:
        return solved_value([("Every ball has its choice of a box", f"${k}^{{{n}}} = {k**n}$.")], Exact.of(k**n))
    if not balls and boxes:
        count = comb(n + k - 1, k - 1)
        return solved_value(
            [("Place the walls between the boxes among the balls", f"$\\binom{{{n + k - 1}}}{{{k - 1}}} = {count}$.")],
            Exact.of(count),
        )
    shares = _shares(n, k, n)
    if not balls:
        listed = ", ".join("(" + ", ".join(map(str, s)) + ")" for s in shares)
        return solved_value(
            [("List how the balls can be shared out", f"{listed}."), ("Count", f"There are {len(shares)}.")],
            Exact.of(len(shares)),
        )
    lines: Lines = []
    counts = []
    for share in shares:
        parts = [s for s in share if s]
        ways = factorial(n) // prod(map(factorial, parts)) // prod(factorial(c) for c in Counter(parts).values())
        counts.append(ways)
        lines.append(
            (f"Shares of {', '.join(map(str, parts))}", "There is 1 way." if ways == 1 else f"There are {ways} ways.")
        )
    lines.append(("Add", f"${' + '.join(map(str, counts))} = {sum(counts)}$."))
    return solved_value(lines, Exact.of(sum(counts)))


def _shares(n: int, k: int, most: int) -> list[tuple[int, ...]]:
    """The ways to write n as a sum of k numbers in falling order."""
    if k == 0:
        return [()] if n == 0 else []
    return [(first, *rest) for first in range(min(n, most), -1, -1) for rest in _shares(n - first, k - 1, first)]


_CHOOSE = asks(
    rf"In how many (?:different )?ways can (?:I|we|\w+) choose {_N} (?:different )?[a-z]+ (?:from|out of) (?:a (?:team|group|class|set|club) of )?{_N} (?:different )?[a-z]+(?: [a-z]+)?(?: to [a-z ]+)?(?:,? if the order (?:in which (?:the|they) [a-z ]+ )?(?:does not|doesn't) matter)?",
    rf"In how many ways can (?:I|we|\w+) choose an? {_N}-person committee from a (?:club|group|class|team) of {_N} (?:people|members|students)",
    rf"In how many ways can {_N} books be selected from a shelf of {_N} books if the order in which the books are selected does not matter",
    rf"My (?:club|class|team) has {_N} members\. In how many ways can I choose members to form an? {_N}-person (?:executive )?committee",
)  # fmt: skip


def read_choose(made: Pieces) -> Solved | None:
    match = _CHOOSE.fullmatch(made.prose)
    if match is None or re.search(r"\border matters\b", made.prose):
        return None
    a, b = _numbers(match, made.formulas)
    k, n = (b, a) if made.prose.startswith("My") else (a, b)
    if not 1 <= k < n <= 60:
        raise Unsupported("no value", "more chosen than there are")
    top = " \\cdot ".join(str(n - i) for i in range(min(k, n - k)))
    bottom = " \\cdot ".join(str(i) for i in range(min(k, n - k), 0, -1))
    count = comb(n, k)
    return solved_value(
        [("Choose, the order not counted", f"$\\binom{{{n}}}{{{k}}} = \\frac{{{top}}}{{{bottom}}} = {count}$.")],
        Exact.of(count),
    )


_LETTERS = re.compile(
    r"(?:Determine the number of ways to arrange the letters of the word ([A-Z]{2,14})|How many (?:possible )?distinct arrangements (?:are there )?of the letters in the word ([A-Z]{2,14})(?: are there)?)[.?]"
)


def read_letters(made: Pieces) -> Solved | None:
    match = _LETTERS.fullmatch(made.prose)
    if match is None:
        return None
    word = next(g for g in match.groups() if g)
    repeated = [c for c in Counter(word).values() if c > 1]
    value = factorial(len(word)) // prod(map(factorial, repeated))
    bottom = " \\cdot ".join(f"{c}!" for c in repeated)
    above = f"{len(word)}!"
    shown = f"\\frac{{{above}}}{{{bottom}}}" if repeated else above
    lines = [("Arrange all letters; letters that are the same may change places", f"${shown} = {value}$.")]
    return solved_value(lines, Exact.of(value))


_MEAN = asks(
    r"(?:What is|Find|Compute) the (?:arithmetic )?(?:mean|average) of(?: the numbers)? @(?:, @)*,? and @",
)


def read_mean(made: Pieces) -> Solved | None:
    if _MEAN.fullmatch(made.prose) is None:
        return None
    from mathdata.symbolic.formulas.latex import parse
    from mathdata.symbolic.formulas.working import value_of

    try:
        values = [value_of(parse(f)).rational for f in made.formulas]
    except Unsupported:
        return None
    if any(v is None for v in values) or len(values) < 2:
        return None
    numbers = [v for v in values if v is not None]
    total = sum(numbers)
    value = Fraction(total) / len(numbers)
    text = " + ".join(fraction_latex(v) if v >= 0 else f"({fraction_latex(v)})" for v in numbers)
    lines = [
        ("Add", f"${text} = {fraction_latex(total)}$."),
        (f"Divide by {len(numbers)}", f"${fraction_latex(total)} \\div {len(numbers)} = {fraction_latex(value)}$."),
    ]
    return solved_value(lines, Exact.of(value))


FAMILIES = (
    Family("coins", read_coins, tied=True), Family("even dice", read_even, tied=True), Family("sum of dice", read_sums),
    Family("drawn", read_drawn), Family("drawn in turn", read_pair), Family("boxes", read_boxes),
    Family("choices", read_choose), Family("letters", read_letters), Family("mean", read_mean),
)  # fmt: skip
