"""Keys of servers: which key may go to which server is the user's word, never a recipe's; and none is ever stored."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mathdata.errors import BackendError, RecipeError, UsageError
from mathdata.saving import atomic_write
from mathdata.types import Completion

__all__ = [
    "HOME",
    "KEY",
    "Source",
    "bind",
    "bindings",
    "find_key",
    "looks_secret",
    "origin_of",
    "refuse_secrets",
    "scrub",
    "without_keys",
]

HOME = "https://api.openai.com/v1"
KEY = "OPENAI_API_KEY"
"""The documented name: it goes to OpenAI, or where OPENAI_BASE_URL of the environment points."""
VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{2,63}")
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a key is: an environment variable or a file, one of them."""

    env: str | None = None
    file: Path | None = None

    def __str__(self) -> str:
        return f"${self.env}" if self.env else str(self.file)

    @property
    def option(self) -> str:
        return f"--env {self.env}" if self.env else f"--file {self.file}"


def origin_of(url: str) -> str:
    """Scheme, host and port of an address, as browsers compare them. Raises RecipeError for one that is unclear.

    >>> origin_of("HTTPS://API.example.com:443/v1"), origin_of("api.example.com"), origin_of("http://10.0.0.5:8000/v1")
    ('https://api.example.com', 'https://api.example.com', 'http://10.0.0.5:8000')
    """
    parts = urlsplit(url if "://" in url else f"https://{url}")
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    plain = url.isascii() and url.isprintable() and not set(url) & set(" \\<>\"'")
    if parts.scheme not in PORTS or not host or not plain:
        raise RecipeError(f"{url!r} is no address", "for example http://127.0.0.1:8000/v1")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise RecipeError(
            f"the address of {host} holds more than scheme, host, port and path (a name, a password, a query)",
            "base_url: https://host/v1; keys go by: mathdata keys",
        )
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port and port != PORTS[parts.scheme] else "")


def keys_file() -> Path:
    """The user's bindings: keys.yaml in their configuration; a relative XDG_CONFIG_HOME would be the working folder's."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or "")
    return (home if home.is_absolute() else Path.home() / ".config") / "mathdata" / "keys.yaml"


def bindings() -> dict[str, Source]:
    """What the user bound: the key of each server. Raises RecipeError for a file that cannot be read."""
    from mathdata.recipe_text import load_yaml

    path = keys_file()
    if not path.is_file():
        return {}
    found = load_yaml(path.read_text(encoding="utf-8"), str(path))
    entries = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(entries, dict):
        raise RecipeError(f"{path}: no 'keys' in it", "keys: {https://host: {env: NAME}}")
    return {origin_of(str(url)): _source(url, told, path) for url, told in entries.items()}


def _source(url: Any, told: Any, path: Path) -> Source:
    env, file = (told.get("env"), told.get("file")) if isinstance(told, dict) else (None, None)
    if (env is None) == (file is None) or not (env is None or VARIABLE.fullmatch(str(env))):
        raise RecipeError(f"{path}: {url} names no key", "{env: NAME} or {file: PATH}; never the key itself")
    return Source(env=str(env)) if env else Source(file=Path(str(file)).expanduser())


def bind(url: str, source: Source | None) -> Path:
    """Remember that this key may go to this server, or with None that none may. Returns the file."""
    import yaml

    known = bindings()
    known.pop(origin_of(url), None)
    if source is not None:
        known[origin_of(url)] = source
    body = {o: {"env": s.env} if s.env else {"file": str(s.file)} for o, s in sorted(known.items())}
    atomic_write(keys_file(), yaml.safe_dump({"keys": body}, sort_keys=False))
    return keys_file()


def find_key(base_url: str, own_choice: bool, env: str | None, file: Path | None) -> str | None:
    """The key that the user lets go to this server, None where they bound none; `env`, `file`: the one that is asked for.

    Raises UsageError for a key that is not bound to the server, BackendError for one that is not there.
    """
    origin = origin_of(base_url)
    official = origin.startswith("https://") and (origin.endswith(".openai.com") or origin == "https://openai.com")
    chosen = os.environ.get("OPENAI_BASE_URL")
    ours = official or own_choice or (bool(chosen) and origin_of(str(chosen)) == origin)
    asked = Source(env, file.expanduser() if file else None) if env or file else None
    bound = bindings().get(origin)
    if asked is not None and not _same(asked, bound) and not (ours and asked == Source(KEY)):
        held = f"; {bound} is bound to it" if bound else ""
        raise UsageError(
            f"{asked} is not bound to {origin}, and would be sent there{held}",
            f"if that server may have it: mathdata keys {origin} {asked.option}",
        )
    source = asked or bound or (Source(KEY) if ours else None)
    if source == Source(KEY) and asked is None and bound is None and not os.environ.get(KEY, "").strip():
        if official:
            raise BackendError(f"the environment has no {KEY}", f"export {KEY}=..., or bind another: mathdata keys")
        return None
    return _remembered(_read(source)) if source is not None else None


def _same(asked: Source, bound: Source | None) -> bool:
    if bound is None or asked.env or bound.env:
        return asked == bound
    return asked.file is not None and bound.file is not None and asked.file.resolve() == bound.file.resolve()


def _read(source: Source) -> str:
    if source.file is not None:
        try:
            with source.file.open("rb") as f:
                text = f.read(1 << 13).decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not text"
            raise BackendError(f"{source.file}: cannot read the key: {why}", "a file with the key alone") from None
    else:
        name = str(source.env)
        if name not in os.environ:
            raise BackendError(f"the environment has no {name}", f"export {name}=...")
        text = os.environ[name].strip()
    if not text.isprintable() or not text.isascii() or " " in text or len(text) > 4096:
        raise BackendError(f"{source} holds no key: a key is one word of printable characters", "look what is in it")
    return text


# --- what must not be stored -------------------------------------------------------------------------------------

_used: dict[str, re.Pattern[str]] = {}
"""Keys that this process sent, and how each may be written by someone who says it again."""
_CODED = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
SHORTEST = 6
"""A key below this length (`none`, `x`) is a placeholder: cutting it out would spoil honest text."""


def _remembered(key: str) -> str | None:
    if len(key) >= SHORTEST and key not in _used:
        forms = (rf"(?:{re.escape(c)}|%{ord(c):02X}|\\u{ord(c):04x}|&#{ord(c)};|&#x{ord(c):x};)" for c in key)
        _used[key] = re.compile("".join(forms), re.IGNORECASE)
    return key or None


def scrub(text: str) -> str:
    """Text without the keys that were sent, whoever repeated them: plain, percent-encoded, escaped, base64 or hex."""
    if not _used:
        return text
    for pattern in _used.values():
        text = pattern.sub("***", text)
    return _CODED.sub(lambda m: "***" if _holds_key(m[0]) else m[0], text)


def without_keys(c: Completion) -> Completion:
    """An answer in which the server does not say our key again."""
    thoughts = None if c.reasoning is None else scrub(c.reasoning)
    return replace(c, text=scrub(c.text), reason=scrub(c.reason), reasoning=thoughts)


def _holds_key(word: str) -> bool:
    """Whether a word is base64 or hex of something with a key in it; characters before it may have been glued on."""
    return any(key.encode() in read for start in range(4) for read in _decoded(word[start:]) for key in _used)


def _decoded(word: str) -> Iterator[bytes]:
    plain = word.rstrip("=").replace("-", "+").replace("_", "/")
    whole = plain[: len(plain) - (len(plain) % 4 == 1)]
    yield base64.b64decode(whole + "=" * (-len(whole) % 4))
    if re.fullmatch(r"[0-9A-Fa-f]+", word):
        yield bytes.fromhex(word[: len(word) // 2 * 2])


_PREFIX = re.compile(
    r"\b(sk-[A-Za-z0-9_-]{16,}|hf_[A-Za-z0-9]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|A[KS]IA[0-9A-Z]{16}|"
    r"AIza[\w-]{30,}|xox[abprs]-[\w-]{10,}|glpat-[\w-]{16,}|eyJ[\w-]{10,}\.[\w-]{10,}\.|gsk_\w{20,}|nvapi-[\w-]{20,})|"
    r"\bBearer\s+\S{8,}|-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@]+:[^/\s@]+@"
)
_NAME = re.compile(r"key|auth|secret|passw|credential|cookie|bearer|header|(^|[_-])token$", re.IGNORECASE)
_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def looks_secret(text: str, *, guess: bool = False) -> bool:
    """Whether text begins as keys of known services do; with `guess` also a long run of mixed letters and digits.

    >>> looks_secret("AKIA" + "A1B2" * 4), looks_secret("Qwen2.5-Math-7B-Instruct", guess=True), looks_secret("a1b2" * 8, guess=True)
    (True, False, True)
    """
    if _PREFIX.search(text):
        return True
    runs = re.findall(r"[A-Za-z0-9]{20,}", text) if guess else []
    return any(not _DIGEST.fullmatch(r) and min(len(re.findall(c, r)) for c in ("[0-9]", "[A-Za-z]")) > 2 for r in runs)


def refuse_secrets(value: Any, where: str) -> None:
    """A key in what is stored with every answer: by the name of a field, or by how a value looks. Raises RecipeError."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if _NAME.search(str(name)):
                raise RecipeError(f"{where}.{name} looks like a key", "it would be stored; keys go by: mathdata keys")
            refuse_secrets(inner, f"{where}.{name}")
    elif isinstance(value, (list, tuple)):
        for i, inner in enumerate(value):
            refuse_secrets(inner, f"{where}.{i}")
    elif isinstance(value, str) and looks_secret(value, guess=True):
        raise RecipeError(f"{where} looks like a key", "it would be stored; keys go by: mathdata keys")
