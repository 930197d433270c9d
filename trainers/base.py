"""An adapter is a difference to one model: which one is written beside it, and it is put on no other."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from mathdata.errors import DataError
from mathdata.identity import base_of, weights_digest
from mathdata.manifest import dump_json

__all__ = ["BaseRecord", "base_record", "check_base", "read_record", "write_base"]

BaseRecord = dict[str, Any]
"""`name`: folder or hub id; `weights`: digest of its weights and architecture, None where they are not on this machine."""

FILE = "base.json"


def base_record(name: str, revision: str | None = None) -> BaseRecord:
    home = home_of(name, revision)
    return {"name": name, "weights": weights_digest(home) if home else None}


def home_of(name: str, revision: str | None = None) -> Path | None:
    """The folder that a model's files lie in: itself, or where the hub's library has put them; None where nowhere."""
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, "config.json", revision=revision)
    except HFValidationError:
        return None
    return Path(found).parent if isinstance(found, str) else None


def write_base(adapter: Path) -> None:
    """base.json beside a new adapter, from the base that its own file names."""
    dump_json(adapter / FILE, base_record(base_of(adapter), _said(adapter).get("revision")))


def read_record(adapter: Path) -> BaseRecord | None:
    """What mathdata wrote beside an adapter; None beside one of another tool. Raises DataError for a damaged one."""
    path = adapter / FILE
    if not path.is_file():
        return None
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        return {"name": str(body["name"]), "weights": body["weights"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: cannot be read: {error}", "copy the adapter's folder again") from None


def check_base(adapter: Path, name: str, revision: str | None = None) -> bool:
    """Whether the adapter is known to belong on this model; False (and a warning) where nothing here can tell.

    Content decides: the same weights under another name are the same base. Without a digest on both sides the names
    must agree: the same path or hub id, or the same last part. Raises DataError, naming both, for another base.
    """
    own, given = read_record(adapter), base_record(name, revision)
    trained = own or {"name": str(_said(adapter).get("base_model_name_or_path") or ""), "weights": None}
    if trained["weights"] and given["weights"]:
        if trained["weights"] == given["weights"]:
            return True
        raise _refused(adapter, trained, given)
    if trained["name"] and not _same_name(trained["name"], name):
        raise _refused(adapter, trained, given)
    why = "no base.json beside it" if own is None else "the weights of one of them are not on this machine"
    logging.getLogger("mathdata").warning(
        "warning: adapter %s: that its base is '%s' could not be checked (%s)", adapter, name, why
    )
    return False


def _refused(adapter: Path, trained: BaseRecord, given: BaseRecord) -> DataError:
    return DataError(
        f"the adapter {adapter} was trained on {_words(trained)}, not on {_words(given)}",
        "put it on its own base: an adapter is a difference to those weights alone",
    )


def _words(base: BaseRecord) -> str:
    return f"'{base['name']}'" + (f" (weights {base['weights']})" if base["weights"] else "")


def _same_name(one: str, other: str) -> bool:
    """
    >>> _same_name("owner/Model-1B", "/models/model-1b")
    True
    >>> _same_name("owner/Model-1B", "owner/Model-2B")
    False
    """
    if Path(one).is_dir() and Path(other).is_dir():
        return Path(one).resolve() == Path(other).resolve()
    return Path(one).name.lower() == Path(other).name.lower()


def _said(adapter: Path) -> dict[str, Any]:
    try:
        body = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}
