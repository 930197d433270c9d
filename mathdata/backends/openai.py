"""A teacher or model behind any OpenAI-compatible server: chat or completions, with retries, pace, price and budget."""

from __future__ import annotations

import asyncio
import json
import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from mathdata.backends._batch import Batches
from mathdata.backends._bounded import TooLarge, read_all
from mathdata.backends._pace import Limiter, Pace
from mathdata.backends._send import Deliver, Job, Sender, Store
from mathdata.backends._wire import Failure, body_of, read_reply
from mathdata.backends.money import Budget, Price, find_price, guess_tokens
from mathdata.errors import MissingExtra, RecipeError
from mathdata.keys import HOME, VARIABLE, find_key, origin_of, refuse_secrets, scrub, without_keys
from mathdata.registry import register
from mathdata.types import Completion, Progress, Request

__all__ = ["OpenAI"]

_HEADERS = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}


@register("backend", "openai")
class OpenAI:
    """Any OpenAI-compatible server (OpenAI, vLLM, llama.cpp ...), by chat or completions."""

    def __init__(
        self,
        *,
        model: Annotated[str, "the server's name of the model"],
        base_url: Annotated[str | None, "address up to /v1; default $OPENAI_BASE_URL, else OpenAI"] = None,
        endpoint: Annotated[Literal["chat", "completions"], "messages, or a plain prompt"] = "chat",
        api_key_env: Annotated[
            str | None, "environment variable that holds the key; bound to the server by `mathdata keys`"
        ] = None,
        api_key_file: Annotated[Path | None, "file that holds the key; bound to the server by `mathdata keys`"] = None,
        concurrency: Annotated[int | Literal["auto"], "requests at once; auto finds it"] = "auto",
        timeout: Annotated[float, "seconds for one answer"] = 600.0,
        patience: Annotated[float, "seconds without any answer before the rest is left pending"] = 120.0,
        omit: Annotated[list[str] | None, "parameters not to send, where a server refuses them: [temperature]"] = None,
        extra: Annotated[dict[str, Any] | None, "further fields of the request body"] = None,
        logprobs: Annotated[bool, "keep the log-probability of every token: journal, and its mean in a column"] = False,
        batch: Annotated[bool, "use the batch interface: submit, leave, collect by running again"] = False,
    ) -> None:
        self.base_url = checked_url(base_url or os.environ.get("OPENAI_BASE_URL") or HOME)
        self.model, self.endpoint, self.timeout, self.patience = model, endpoint, timeout, patience
        self.name = f"openai:{model}"
        self.concurrency, self.batch = concurrency, batch
        if api_key_env is not None and not VARIABLE.fullmatch(api_key_env):
            raise RecipeError("api_key_env is not the name of an environment variable", "never write a key in a recipe")
        self._where_key = (self.base_url, base_url is None, api_key_env, api_key_file)
        self._key: str | None = None
        self._settings: dict[str, Any] = {"omit": tuple(omit or ()), "extra": dict(extra or {}), "logprobs": logprobs}
        refuse_secrets(self._settings["extra"], "openai: extra")
        self.logprobs = logprobs
        decides = [self.base_url, model, endpoint, omit or [], extra or {}, *(["logprobs"] if logprobs else [])]
        self.identity = json.dumps(["openai", *decides], sort_keys=True)
        self.notes: Counter[str] = Counter()
        self._spent: Counter[str] = Counter()
        self._found: dict[str, Any] = {}
        self._price: Price | None = None
        self._met = False

    @property
    def price(self) -> Price | None:
        return find_price(self.model, self.batch)

    @property
    def figures(self) -> dict[str, Any]:
        """Tokens, money, retries by state, what was noticed about the server."""
        price = self.price
        spent = price.of(self._spent["in"], self._spent["out"]) if price else None
        return {
            "tokens_in": self._spent["in"],
            "tokens_out": self._spent["out"],
            "usd": None if spent is None else round(spent, 6),
            **self._found,
            "notes": dict(self.notes),
        }

    def generate(self, requests: Sequence[Request]) -> list[list[Completion]]:
        answers: list[dict[int, Completion]] = [{} for _ in requests]

        def deliver(index: int, first: int, completions: Sequence[Completion]) -> None:
            answers[index].update({first + i: c for i, c in enumerate(completions)})

        self.stream(requests, deliver)
        return [[found[k] for k in sorted(found)] for found in answers]

    def stream(
        self,
        requests: Sequence[Request],
        deliver: Deliver,
        *,
        budget: Budget | None = None,
        progress: Progress | None = None,
        store: Store | None = None,
    ) -> None:
        """Every answer handed to `deliver(index, first sample, completions)` as it comes."""
        self._key = find_key(*self._where_key)
        _run(lambda: self._stream(requests, deliver, budget, progress, store))

    @contextmanager
    def batches(self) -> Iterator[Batches]:
        """The server's batch interface."""
        self._key = find_key(*self._where_key)
        interface = Batches(self.base_url, self._key, self.endpoint, self._scrubbed)
        try:
            yield interface
        finally:
            interface.close()

    def body(self, request: Request) -> bytes:
        """The JSON body that asks for all samples of a request."""
        chat = self.endpoint == "chat"
        n = request.sampling.n
        return body_of(request, model=self.model, chat=chat, n=n, offset=0, settings=self._settings)

    def count(self, completions: Sequence[Completion]) -> None:
        """Book the tokens of answers that were collected."""
        for c in completions:
            self._spent["in"] += c.tokens_in
            self._spent["out"] += c.tokens_out

    async def _stream(
        self,
        requests: Sequence[Request],
        deliver: Deliver,
        budget: Budget | None,
        progress: Progress | None,
        store: Store | None,
    ) -> None:
        aiohttp = _aiohttp()
        fixed = None if self.concurrency == "auto" else int(self.concurrency)
        limits = aiohttp.ClientTimeout(total=self.timeout, sock_connect=self._connecting)
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30)
        self._price = self.price
        async with aiohttp.ClientSession(
            connector=connector, timeout=limits, headers=self._headers(), auto_decompress=False
        ) as session:
            pace = Pace()
            sender = Sender(
                self._poster(session, pace), self._counted(deliver), Limiter(fixed=fixed), pace, budget, progress,
                self.patience,
                self._spent_words, store, self._met,
            )  # fmt: skip
            try:
                await sender.run(requests)
            finally:
                self._met = sender.met
                self._report(sender)

    @property
    def _connecting(self) -> float:
        return min(20.0, self.timeout)

    def _spent_words(self) -> str:
        price, tokens = self._price, self._spent["in"] + self._spent["out"]
        usd = f", {price.of(self._spent['in'], self._spent['out']):.3f} usd" if price else ""
        return f"{tokens:,} tokens{usd}"

    def _headers(self) -> dict[str, str]:
        return _HEADERS | ({"Authorization": f"Bearer {self._key}"} if self._key else {})

    def _poster(
        self, session: Any, pace: Pace
    ) -> Callable[[Job, int], Coroutine[Any, Any, list[Completion] | Failure]]:
        aiohttp = _aiohttp()
        chat, connecting = self.endpoint == "chat", self._connecting
        url = self.base_url + ("/chat/completions" if chat else "/completions")
        torn = (aiohttp.ClientPayloadError, aiohttp.http_exceptions.HttpProcessingError)

        async def post(job: Job, n: int) -> list[Completion] | Failure:
            body = body_of(
                job.request, model=self.model, chat=chat, n=n, offset=job.done + job.tries["empty"],
                settings=self._settings,
            )  # fmt: skip
            try:
                async with session.post(url, data=body, allow_redirects=False) as response:
                    raw = await read_all(response.content.iter_any(), response.headers.get("Content-Encoding", ""))
                    pace.read(response.headers)
                    status, headers = response.status, response.headers
            except TooLarge as error:
                return Failure("bad-request", f"the reply is not read: {error}")
            except aiohttp.ConnectionTimeoutError:
                return Failure("gone", f"no connection to {self.base_url} within {connecting:g} s")
            except TimeoutError:
                return Failure("timeout", f"no answer within {self.timeout:g} s")
            except torn as error:
                return Failure("torn", f"the answer broke off: {self._scrubbed(error)}")
            except aiohttp.ClientConnectorError as error:
                return Failure("gone", f"cannot connect to {self.base_url}: {_refusal(error.os_error)}")
            except (aiohttp.ClientError, OSError) as error:
                return Failure("reset", f"the connection broke: {self._scrubbed(error)}")
            return self._noticed(job, n, read_reply(status, headers, raw, chat))

        return post

    def _noticed(self, job: Job, n: int, found: list[Completion] | Failure) -> list[Completion] | Failure:
        """What the reply tells about the server: written down, and where harmless, met."""
        if isinstance(found, Failure):
            if "max_completion_tokens" in found.words and "limit_name" not in self._settings:
                self._settings["limit_name"] = "max_completion_tokens"
                self.notes["the server wants max_completion_tokens instead of max_tokens"] += 1
                return Failure("server-error", found.words, 0.0)
            if "max_completion_tokens" in found.words and found.state == "bad-request":
                return Failure("server-error", found.words, 0.0)
            self._spent["in"] += found.spent[0]
            self._spent["out"] += found.spent[1]
            return Failure(found.state, self._scrubbed(found.words), found.wait, found.spent)
        found = [without_keys(c) for c in found]
        if len(found) < n:
            self.notes["the server ignores n: samples are asked for one by one"] += 1
        if job.request.params.get("schema") is not None and not all(_is_json(c.text) for c in found):
            self.notes["the server ignores response_format: replies are read leniently"] += 1
        if self.logprobs and not any(c.data for c in found):
            self.notes["the server ignores logprobs: there are none"] += 1
        if not any(c.tokens_in for c in found):
            self.notes["the server reports no usage: tokens are guessed from lengths"] += 1
            found[0] = replace(found[0], tokens_in=guess_tokens(job.request))
        return found

    def _counted(self, deliver: Deliver) -> Deliver:
        def counted(index: int, first: int, completions: Sequence[Completion]) -> int | None:
            self.count(completions)
            return deliver(index, first, completions)

        return counted

    def _report(self, sender: Sender) -> None:
        self._found = {
            "retries": dict(sorted(sender.retries.items())),
            "given_up": dict(sorted(sender.given_up.items())),
            "at_once": sender.most_at_once,
        }

    def _scrubbed(self, words: object) -> str:
        """Words that may be shown: without the key, whoever repeated it."""
        return re.sub(r"\bsk-[\w*-]{6,}", "sk-***", scrub(str(words)))


def checked_url(url: str) -> str:
    """The address without its trailing slash. Raises RecipeError for one that holds a name, a password or a key."""
    if "://" not in url:
        raise RecipeError(f"base_url = {url!r} is no address", "for example http://127.0.0.1:8000/v1")
    origin_of(url)
    refuse_secrets(urlsplit(url).path, "openai: base_url")
    return url.rstrip("/")


def _refusal(error: OSError) -> str:
    """`Connection refused` in place of the call that failed."""
    known = error.errno if error.errno is not None and error.errno > 0 else 0
    return os.strerror(known) if known else str(error.strerror or error)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _aiohttp() -> Any:
    try:
        import aiohttp
        import aiohttp.http_exceptions
    except ImportError:
        raise MissingExtra("the openai teacher needs aiohttp", "pip install 'openai[aiohttp]'") from None
    return aiohttp


def _run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run to the end, also inside a notebook's running loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work())
        return
    failed: list[BaseException] = []

    def inside() -> None:
        try:
            asyncio.run(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=inside, name="openai")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
