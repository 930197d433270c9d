"""What a teacher costs: the table of prices, the budget that is never exceeded, the guess before anything is sent."""

from __future__ import annotations

import os
import re
import threading
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mathdata.bounds import read_small
from mathdata.errors import DataError, RecipeError, UsageError
from mathdata.types import Request

__all__ = ["Budget", "Price", "find_price", "guess_tokens", "most_tokens", "parse_budget", "prices_file"]

OURS = Path(__file__).with_name("prices.toml")
_BUDGET = re.compile(r"\s*([\d.]+(?:e\d+)?)\s*(usd|\$|[kmb]?\s*tok(?:ens?)?)\s*", re.IGNORECASE)
_SCALE = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1.0}


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens."""

    tokens_in: float
    tokens_out: float

    def of(self, tokens_in: float, tokens_out: float) -> float:
        return (tokens_in * self.tokens_in + tokens_out * self.tokens_out) / 1e6


def prices_file() -> Path:
    """The user's own table: $MATHDATA_PRICES, else ~/.config/mathdata/prices.toml."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return Path(os.environ.get("MATHDATA_PRICES") or home / "mathdata" / "prices.toml")


def find_price(model: str, batch: bool = False) -> Price | None:
    """The price of a model from the user's table, else ours; None where it stands in neither.

    A dated name (`gpt-4o-mini-2024-07-18`) has the price of its plain name. A batch costs half unless the table
    says otherwise (`batch = 0.5`).
    """
    for path in (prices_file(), OURS):
        table = _table(path)
        for name in (model, re.sub(r"-\d{4}-\d{2}-\d{2}$", "", model), model.rpartition("/")[2]):
            if name in table:
                return _price(table[name], path, name, batch)
    return None


def _table(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(read_small(path, "a table of prices"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, DataError) as error:
        raise RecipeError(f"{path}: cannot read the prices: {error}", '["my-model"]\nin = 0.10\nout = 0.40') from None


def _price(entry: object, path: Path, name: str, batch: bool) -> Price:
    try:
        share = float(entry.get("batch", 0.5)) if batch else 1.0  # type: ignore[attr-defined]
        return Price(float(entry["in"]) * share, float(entry["out"]) * share)  # type: ignore[index]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise RecipeError(f"{path}: '{name}' needs in = and out = (US dollars for a million tokens)", "") from None


@dataclass(slots=True)
class Budget:
    """A hard stop: what a request can cost at most is set aside before it is sent, so the limit is never passed."""

    usd: float | None = None
    tokens: float | None = None
    price: Price | None = None
    spent_tokens_in: int = 0
    spent_tokens_out: int = 0
    held: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def limit(self) -> float:
        return self.usd if self.usd is not None else self.tokens if self.tokens is not None else float("inf")

    @property
    def spent(self) -> float:
        return self._worth(self.spent_tokens_in, self.spent_tokens_out)

    def _worth(self, tokens_in: float, tokens_out: float) -> float:
        if self.usd is not None and self.price is not None:
            return self.price.of(tokens_in, tokens_out)
        return tokens_in + tokens_out

    def hold(self, request: Request, prompt: int | None = None) -> float | None:
        """Set aside the most this request can cost: the amount, or None where it does not fit.

        `prompt`: its tokens, where the teacher can count them.
        """
        tokens_in = most_tokens(request) if prompt is None else prompt
        amount = self._worth(tokens_in, request.sampling.max_tokens * request.sampling.n)
        with self._lock:
            if self.spent + self.held + amount > self.limit:
                return None
            self.held += amount
            return amount

    def settle(self, amount: float, tokens_in: int, tokens_out: int) -> None:
        """Give back what was set aside and book what was spent."""
        with self._lock:
            self.held = max(0.0, self.held - amount)
            self.spent_tokens_in += tokens_in
            self.spent_tokens_out += tokens_out

    def pay(self, tokens_in: int, tokens_out: int) -> None:
        self.settle(0.0, tokens_in, tokens_out)

    def describe(self) -> str:
        if self.usd is not None:
            return f"{self.spent:.4f} of {self.usd:g} usd spent"
        return f"{self.spent:,.0f} of {self.limit:,.0f} tokens spent"


def parse_budget(text: str | None, model: str, price: Price | None) -> Budget | None:
    """`5usd`, `0.50 usd`, `2Mtok`, `300ktok` as a Budget.

    >>> parse_budget("2Mtok", "any", None).tokens
    2000000.0
    """
    if text is None:
        return None
    match = _BUDGET.fullmatch(text)
    if match is None:
        raise RecipeError(f"budget = {text!r} is not an amount", "write 5usd or 2Mtok")
    amount, unit = float(match.group(1)), match.group(2).lower().strip()
    if unit not in ("usd", "$"):
        return Budget(tokens=amount * _SCALE[unit[0]], price=price)
    if price is None:
        raise UsageError(
            f"budget {text}: the price of '{model}' is unknown", f"give tokens (2Mtok), or its price in {prices_file()}"
        )
    return Budget(usd=amount, price=price)


def _chars(request: Request) -> tuple[int, int]:
    texts = [m["content"] for m in request.messages] or [request.text or request.problem.problem]
    size = sum(len(t) for t in texts)
    plain = sum(len(t.encode("ascii", "ignore")) for t in texts)
    return plain, size - plain


def guess_tokens(request: Request) -> int:
    """The likely number of prompt tokens: four ASCII characters or one other character each."""
    plain, other = _chars(request)
    return round(plain / 4 + other * 0.8) + 4 * max(1, len(request.messages))


def most_tokens(request: Request) -> int:
    """No tokenizer makes more of a prompt: a token holds at least one byte. With room for the chat template's own."""
    texts = [m["content"] for m in request.messages] or [request.text or request.problem.problem]
    said = sum(len(t.encode("utf-8", "replace")) for t in texts)
    schema = request.params.get("schema")  # some servers put it into the prompt
    return said + (len(str(schema)) if schema is not None else 0) + 16 * len(texts) + 64


def guess(requests: Sequence[Request], price: Price | None) -> dict[str, object]:
    """Requests, tokens and price of what would be sent; the price is null where it is unknown."""
    tokens_in = sum(guess_tokens(r) for r in requests)
    most_out = sum(r.sampling.max_tokens * r.sampling.n for r in requests)
    return {
        "requests": len(requests),
        "samples": sum(r.sampling.n for r in requests),
        "tokens_in": tokens_in,
        "tokens_out_at_most": most_out,
        "usd_at_most": None if price is None else round(price.of(tokens_in, most_out), 4),
    }
