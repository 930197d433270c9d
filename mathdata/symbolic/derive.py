"""The derivation of the unknown, one inverse operation a line, in English or Chinese."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm

from mathdata.symbolic import chinese
from mathdata.symbolic.forms import Form, number_text, text_of
from mathdata.symbolic.replay import places
from mathdata.symbolic.solution import Unsupported
from mathdata.symbolic.write import decimal
from mathdata.worked import Number, divide, whole

__all__ = ["ASK", "ASK_STATED", "CHINESE", "ENGLISH", "Phrases", "solve"]

ASK = "If we know the answer to the above question is {answer}, what is the value of the unknown variable {x}?"
ASK_STATED = "What is the value of the unknown variable {x}?"


@dataclass(frozen=True, slots=True)
class Phrases:
    """The sentences of a derivation in one language."""

    ask: str
    told: str
    times: str
    cross: str
    so: str
    stop: str


ENGLISH = Phrases(
    f" {ASK}",
    "The answer is {told}, so {form} = {told}.",
    "Multiplying both sides by {factor} gives {form} = {told} * {factor} = {answer}.",
    "Multiplying by the denominator and collecting the terms with {x} gives {form} = {answer}.",
    "So ",
    ".",
)
CHINESE = Phrases(
    chinese.ASK,
    "答案是 {told}，所以 {form} = {told}。",
    "两边同乘 {factor}，得 {form} = {told} * {factor} = {answer}。",
    "两边同乘分母，再把含 {x} 的项移到一边，得 {form} = {answer}。",
    "所以 ",
    "。",
)


def solve(form: Form, answer: Number, x_value: Number, x: str, say: Phrases) -> list[str]:
    """`The answer is 84, so 92 - 2x/3 = 84.` and one inverse operation a line."""
    told = number_text(answer)
    lines = [say.told.format(told=told, form=text_of(form, x))]
    if form.linear and places(form.b) > 6:
        factor = _common(form)
        form, answer = Form(whole(form.a * factor), whole(form.b * factor)), whole(answer * factor)
        lines.append(
            say.times.format(factor=factor, form=text_of(form, x), told=told, answer=_plain(answer)),
        )
        told = number_text(answer)
    if not form.linear:
        a, b = form.a - answer * form.c, answer * form.d - form.b
        lines.append(_cross(form, answer, x, say))
    else:
        a, b = form.a, answer
        if form.b:
            b = answer - form.b
            sign = "-" if form.b > 0 else "+"
            moved = f"{told} {sign} {_plain(max(form.b, -form.b))}"
            if a < 0:
                a, b = -a, -b
                moved = f"{_plain(form.b)} - {told}" if form.b > 0 else moved
                if form.b < 0:
                    raise Unsupported("negative")
            lines.append(
                f"{text_of(Form(a, 0), x)} = {moved} = <<{moved.replace(' ', '')}={_plain(b)}>>{_plain(b)}{say.stop}"
            )
    if a < 0:
        a, b = -a, -b
    if divide(b, a) != x_value:
        raise Unsupported("not proved", "the equation has another solution")
    if a != 1:
        lines.append(_last(a, b, x_value, x, say))
    return lines


def _common(form: Form) -> int:
    """The least factor that makes both numbers of a linear form whole."""
    return lcm(form.a.denominator, form.b.denominator)


def _plain(value: Number) -> str:
    text = decimal(value)
    if text is None:
        raise Unsupported("a fraction that does not come out")
    return text


def _last(a: Number, b: Number, value: Number, x: str, say: Phrases) -> str:
    """The step that frees x from its factor."""
    if a.denominator == 1:
        how = f"{_plain(b)} / {a}"
    elif a.numerator == 1:
        how = f"{_plain(b)} * {a.denominator}"
    elif text_of(Form(a, 0), x).startswith(decimal(a) or "?"):
        how = f"{_plain(b)} / {_plain(a)}"
    else:
        how = f"{_plain(b)} * {a.denominator} / {a.numerator}"
    return f"{say.so}{x} = {how} = <<{how.replace(' ', '')}={_plain(value)}>>{_plain(value)}{say.stop}"


def _cross(form: Form, answer: Number, x: str, say: Phrases) -> str:
    """Multiply by the denominator and bring x to one side."""
    a, b = form.a - answer * form.c, answer * form.d - form.b
    if a < 0:
        a, b = -a, -b
    return say.cross.format(x=x, form=text_of(Form(a, 0), x), answer=_plain(b))
