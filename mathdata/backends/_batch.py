"""The batch interface of a server (half the price, answers within a day): submit, leave, come back, collect."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import sleep
from typing import Any

from mathdata.backends._wire import Failure, read_reply
from mathdata.errors import BackendError, MissingExtra
from mathdata.keys import without_keys
from mathdata.types import Completion

__all__ = ["Batches", "Looked"]

MOST_LINES = 50_000
MOST_BYTES = 150_000_000
MOST_RESULTS = 1 << 30
"""Bytes of a result file: seven times what a batch may ask."""
MARK = "mathdata"
"""The field of a batch's metadata that holds our mark."""
_SUBMITS, _PAUSE = 4, 1.0
_OVER = frozenset({"completed", "expired", "cancelled", "failed"})


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at a batch found: its state, and where it is over, answers by the place they were asked in."""

    state: str
    answers: Mapping[int, list[Completion] | Failure]
    words: str = ""

    @property
    def over(self) -> bool:
        return self.state in _OVER


class Batches:
    """Files up, batches made and looked at, files down; by the official client, which follows no redirect."""

    def __init__(self, base_url: str, key: str | None, endpoint: str, scrub: Callable[[object], str]) -> None:
        try:
            import openai
        except ImportError:
            raise MissingExtra("the batch interface needs the openai client", "pip install openai") from None
        self._errors = openai.OpenAIError
        self._lost = (openai.APIConnectionError, openai.InternalServerError)
        http = openai.DefaultHttpxClient(follow_redirects=False)
        self._client = openai.OpenAI(base_url=base_url, api_key=key or "none", max_retries=6, http_client=http)
        self._chat, self._scrub = endpoint == "chat", scrub

    def submit(self, bodies: Sequence[bytes], mark: str) -> str:
        """One batch of these request bodies (a part of `parts`), carrying our mark: its id.

        Where the answer is lost on its way, the server is asked for the mark: the batch may be there all the same.
        """
        url: Any = "/v1/chat/completions" if self._chat else "/v1/completions"
        lines = [
            json.dumps({"custom_id": f"r{i}", "method": "POST", "url": url, "body": json.loads(body)})
            for i, body in enumerate(bodies)
        ]
        raw = "\n".join(lines).encode()
        file = self._try(lambda: self._client.files.create(file=("requests.jsonl", raw), purpose="batch"))
        once = self._client.with_options(max_retries=0)
        for tries_left in reversed(range(_SUBMITS)):
            try:
                made = once.batches.create(
                    input_file_id=file.id, endpoint=url, completion_window="24h", metadata={MARK: mark}
                )
                return str(made.id)
            except self._lost as error:
                if there := self.marked([mark]):
                    return there[mark]
                if not tries_left:
                    raise self._refused(error) from None
                sleep(_PAUSE)
            except self._errors as error:
                raise self._refused(error) from None
        raise AssertionError("unreachable")

    def marked(self, marks: Collection[str]) -> dict[str, str]:
        """The server's batches that carry one of these marks, by mark; it lists the newest first."""
        found: dict[str, str] = {}
        for batch in self._try(lambda: self._client.batches.list(limit=100)):
            mark = str((batch.metadata or {}).get(MARK))
            if mark in marks:
                found[mark] = str(batch.id)
            if len(found) == len(marks):
                break
        return found

    def look(self, batch_id: str) -> Looked:
        """Where the batch stands; its answers once it is over (those finished in time, where it expired)."""
        batch = self._try(lambda: self._client.batches.retrieve(batch_id))
        answers: dict[int, list[Completion] | Failure] = {}
        if batch.status in _OVER:
            for file_id in (batch.output_file_id, batch.error_file_id):
                if file_id:
                    answers |= self._read(self._try(partial(self._file, file_id)))
        return Looked(str(batch.status), answers, self._scrub(batch.errors or ""))

    def _file(self, file_id: str) -> bytes:
        """The bytes of a result file, counted as they come. Raises BackendError beyond MOST_RESULTS."""
        parts, size = [], 0
        with self._client.files.with_streaming_response.content(file_id) as response:
            for part in response.iter_bytes(1 << 20):
                size += len(part)
                if size > MOST_RESULTS:
                    raise BackendError(
                        f"the batch's result file {file_id[:60]} has more than {MOST_RESULTS:,} bytes",
                        "run the stage on the input in smaller parts",
                    )
                parts.append(part)
        return b"".join(parts)

    def _read(self, raw: bytes) -> dict[int, list[Completion] | Failure]:
        found: dict[int, list[Completion] | Failure] = {}
        for line in raw.splitlines():
            try:
                item = json.loads(line)
                place = int(str(item["custom_id"])[1:])
                reply = item.get("response") or {"status_code": 500, "body": {"error": item.get("error")}}
                body = json.dumps(reply.get("body")).encode()
                found[place] = self._clean(read_reply(int(reply.get("status_code") or 500), {}, body, self._chat))
            except (ValueError, KeyError, TypeError, AttributeError):
                continue  # a line that names no request of ours answers none: it is asked again
        return found

    def _clean(self, found: list[Completion] | Failure) -> list[Completion] | Failure:
        if isinstance(found, Failure):
            return replace(found, words=self._scrub(found.words))
        return [without_keys(c) for c in found]

    def close(self) -> None:
        self._client.close()

    def _try(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except self._errors as error:
            raise self._refused(error) from None

    def _refused(self, error: object) -> BackendError:
        return BackendError(
            f"the batch interface refuses: {self._scrub(error)}", "check key, model and base_url; run again"
        )

    @staticmethod
    def parts(bodies: Sequence[bytes]) -> Iterator[range]:
        """Which bodies go into one batch: each stays below the server's limits."""
        return _parts(bodies)


def _parts(bodies: Sequence[bytes]) -> Iterator[range]:
    start = size = 0
    for i, body in enumerate(bodies):
        if i > start and (i - start >= MOST_LINES or size + len(body) > MOST_BYTES):
            yield range(start, i)
            start, size = i, 0
        size += len(body) + 200
    if len(bodies) > start:
        yield range(start, len(bodies))
