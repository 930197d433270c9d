"""One exchange with an OpenAI-compatible server, as pure functions: a body to send, a reply read into answers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from math import isfinite
from time import time
from typing import Any, Literal

from mathdata.backends._bounded import whole_text
from mathdata.backends._thinking import split_thinking
from mathdata.types import Completion, Finish, Request

__all__ = ["RULES", "Failure", "Rule", "body_of", "read_reply", "retry_after"]

LONGEST_WAIT = 120.0
"""A server that asks for a longer pause is not waited for; the official client draws the same line."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How a state is retried: how often, the first pause (it doubles), and whether it asks for fewer at once.

    `refused`: the share of such replies decides; `cut`: each is a sign of too many.
    """

    tries: int
    wait: float
    slower: Literal["", "refused", "cut"] = ""


RULES: dict[str, Rule] = {
    "timeout": Rule(4, 1.0, "cut"),
    "rate-limit": Rule(60, 0.5, "refused"),
    "overloaded": Rule(12, 0.5, "refused"),
    "server-error": Rule(10, 0.1),
    "reset": Rule(10, 0.05),
    "torn": Rule(10, 0.05),
    "html": Rule(8, 0.5),
    "gone": Rule(20, 0.25, "cut"),
    "empty": Rule(3, 0.0),
    "bad-request": Rule(1, 0.0),
}
"""States that are no answer. `length`, `filter` and a refusal are answers: paid, stored, rejected by name."""

STOP = frozenset({401, 403, 404, 405})
"""Wrong key, unknown model, wrong address: the next request would fail the same way."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer: a state of RULES, or `stop` where nobody should go on asking."""

    state: str
    words: str
    wait: float | None = None
    """Seconds the server asked for."""
    spent: tuple[int, int] = (0, 0)
    """Tokens of prompt and answer that are paid all the same: an answer may be empty after much thought."""


def body_of(request: Request, *, model: str, chat: bool, n: int, offset: int, settings: Mapping[str, Any]) -> bytes:
    """The JSON body for `n` samples; those after the first `offset` get a later seed."""
    s = request.sampling
    body: dict[str, Any] = {"model": model}
    if chat:
        messages = request.messages or ({"role": "user", "content": request.text or request.problem.problem},)
        body["messages"] = [dict(m) for m in messages]
    else:
        body["prompt"] = request.text or "\n\n".join(m["content"] for m in request.messages)
    body |= {"temperature": s.temperature, "top_p": s.top_p, settings.get("limit_name", "max_tokens"): s.max_tokens}
    if n > 1:
        body["n"] = n
    if s.seed is not None:
        body["seed"] = (s.seed + offset) % 2**31
    if s.stop:
        body["stop"] = list(s.stop)
    if chat and (schema := request.params.get("schema")) is not None:
        body["response_format"] = {
            "type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": schema},
        }  # fmt: skip
    if settings.get("logprobs"):
        body |= {"logprobs": True, "top_logprobs": 1} if chat else {"logprobs": 1}
    for name in settings.get("omit", ()):
        body.pop(name, None)
    return json.dumps(body | dict(settings.get("extra") or {}), ensure_ascii=False).encode("utf-8", "replace")


def read_reply(status: int, headers: Mapping[str, str], raw: bytes, chat: bool) -> list[Completion] | Failure:
    """The completions of a reply, or what kind of failure it is."""
    if status != 200:
        return _refused(status, headers, raw)
    data = _json(raw)
    if data is None:
        start = raw[:200].lstrip().lower()
        html = start.startswith((b"<!doctype", b"<html", b"<"))
        return Failure("html" if html else "torn", f"not JSON: {_shown(raw)}")
    choices = data.get("choices")
    if not isinstance(choices, list) or not choices or not all(isinstance(c, dict) for c in choices):
        words = _error_words(data) or "no choices in the reply"
        return Failure("server-error" if data.get("error") else "torn", words)
    made = [_completion(c, chat, *t) for c, t in zip(choices, _usage(data.get("usage"), len(choices)))]
    if all(c.finish == "empty" for c in made):
        spent = (sum(c.tokens_in for c in made), sum(c.tokens_out for c in made))
        return Failure("empty", "the answer is empty", None, spent)
    return made


def _refused(status: int, headers: Mapping[str, str], raw: bytes) -> Failure:
    data = _json(raw) or {}
    words = f"{status}: {_error_words(data) or _shown(raw) or 'no words'}"
    code = str((data.get("error") or {}).get("code") if isinstance(data.get("error"), dict) else "")
    if status in STOP or code in ("insufficient_quota", "billing_hard_limit_reached"):
        return Failure("stop", words)
    if 300 <= status < 400:
        return Failure("stop", f"{status}: the server sends us to another address; no key follows there")
    wait = retry_after(headers)
    if headers.get("x-should-retry") == "false":
        return Failure("bad-request", words)
    if status == 429:
        return Failure("rate-limit", words, wait)
    if status in (408, 409, 425) or headers.get("x-should-retry") == "true":
        return Failure("server-error", words, wait)
    if status >= 500:
        return Failure("overloaded" if status in (503, 529) else "server-error", words, wait)
    return Failure("bad-request", words)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds a server asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date."""
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / scale
            if 0 <= seconds < 1e9:
                return seconds
        except ValueError:
            continue
    try:
        return max(0.0, parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time())
    except (TypeError, ValueError):
        return None


def _completion(choice: Mapping[str, Any], chat: bool, tokens_in: int, tokens_out: int | None) -> Completion:
    message = choice.get("message") if chat else None
    message = message if isinstance(message, dict) else {}
    text = _text(message.get("content") if chat else choice.get("text"))
    text, thought = split_thinking(text)
    reasoning = message.get("reasoning_content") or message.get("reasoning") or thought
    reason, finish = "", _finish(choice.get("finish_reason"))
    if refusal := message.get("refusal"):
        finish, reason = "refused", whole_text(str(refusal))[:300]
    elif finish == "stop" and not text.strip():
        finish = "empty"
    elif finish == "stop" and is_refusal(text):
        finish, reason = "refused", text.strip()[:300]
    elif finish == "length":
        reason = "the answer was cut off at max_tokens" + ("" if text.strip() else ", all of them spent on reasoning")
    elif finish == "filter":
        reason = "the server's content filter"
    found = logprobs_of(choice.get("logprobs"))
    data = {"logprobs": found} if found else {}
    if tokens_out is None:
        tokens_out = (len(text) + len(str(reasoning or ""))) // 3 + 1
    thoughts = whole_text(str(reasoning)) if reasoning else None
    return Completion(text, finish, reason, thoughts, data, tokens_in, tokens_out)


def logprobs_of(told: Any) -> list[float]:
    """The log-probability of each token of an answer, as chat or completions tell it; empty where they do not.

    >>> logprobs_of({"content": [{"token": "4", "logprob": -0.25}]})
    [-0.25]
    """
    if not isinstance(told, dict):
        return []
    each = told.get("token_logprobs")
    if each is None:
        content = told.get("content")
        each = [t.get("logprob") for t in content if isinstance(t, dict)] if isinstance(content, list) else []
    if not isinstance(each, list):
        return []
    return [round(float(x), 5) for x in each if isinstance(x, int | float) and isfinite(x)]


def _finish(word: Any) -> Finish:
    known: dict[str, Finish] = {"length": "length", "content_filter": "filter"}
    return known.get(str(word), "stop")


def _text(content: Any) -> str:
    if isinstance(content, list):
        return whole_text("".join(str(p.get("text", "")) for p in content if isinstance(p, dict)))
    return whole_text(content) if isinstance(content, str) else ""


_REFUSAL = re.compile(
    r"\s*(?:i(?:'|’)?m sorry,? but|i(?:'|’)?m (?:not able|unable) to|sorry,? (?:but )?i (?:can(?:'|’)?t|cannot)|"
    r"i (?:can(?:'|’)?t|cannot|won(?:'|’)?t) (?:help|assist|answer|provide|do|fulfill|comply)|"
    r"as an ai(?: language model)?,? i|(?:很?抱歉|对不起)[，,]?\s*(?:我)?(?:无法|不能)|我(?:无法|不能)(?:提供|回答|帮助|协助))",
    re.IGNORECASE,
)


def is_refusal(text: str) -> bool:
    """A short text that opens as a refusal and holds no working.

    >>> is_refusal("I'm sorry, but I can't help with that.")
    True
    """
    return len(text) < 500 and bool(_REFUSAL.match(text)) and "=" not in text


MAX_TOKENS = 10**9
"""A reply that claims more, or fewer than none, tells nothing: a negative count would give a budget back."""


def _usage(usage: Any, samples: int) -> list[tuple[int, int | None]]:
    """(prompt, answer) tokens of each sample as the server counts them, shared out; None where it does not say."""
    usage = usage if isinstance(usage, dict) else {}
    total_in, total_out = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not isinstance(total_out, int) or not isinstance(total_in, int):
        return [(0, None)] * samples
    if not (0 <= total_in <= MAX_TOKENS and 0 <= total_out <= MAX_TOKENS):
        return [(0, None)] * samples
    each, rest = divmod(total_out, samples)
    return [(total_in, each + rest), *[(0, each)] * (samples - 1)]


def _json(raw: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _error_words(data: Mapping[str, Any]) -> str:
    error = data.get("error", data.get("detail") or data.get("message"))
    if isinstance(error, dict):
        error = error.get("message") or error
    return whole_text(str(error)[:300]) if error else ""


def _shown(raw: bytes) -> str:
    return " ".join(raw[:120].decode("utf-8", "replace").split())
