"""Licences of parents combined: what a curated set may be published under, and which parents contradict."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["combine", "known_id"]

URLS = {
    "mit": "https://opensource.org/license/mit",
    "apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0",
    "bsd-3-clause": "https://opensource.org/license/bsd-3-clause",
    "cc0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "cc-by-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "cc-by-sa-3.0": "https://creativecommons.org/licenses/by-sa/3.0/",
    "cc-by-sa-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "cc-by-nc-4.0": "https://creativecommons.org/licenses/by-nc/4.0/",
    "cc-by-nc-sa-4.0": "https://creativecommons.org/licenses/by-nc-sa/4.0/",
    "cc-by-nd-4.0": "https://creativecommons.org/licenses/by-nd/4.0/",
    "odc-by": "https://opendatacommons.org/licenses/by/1-0/",
    "gpl-3.0": "https://www.gnu.org/licenses/gpl-3.0.html",
}
FREEDOM = ("cc0-1.0", "mit", "bsd-3-clause", "apache-2.0", "odc-by", "cc-by-4.0")
"""From the one that asks least to the one that asks most: the last of those present covers the others."""


def known_id(name: str) -> str | None:
    """The hub's identifier of a licence as a source writes it; None where it is not known.

    >>> known_id("CC BY 4.0"), known_id("Apache-2.0"), known_id("MIT License"), known_id("own")
    ('cc-by-4.0', 'apache-2.0', 'mit', None)
    """
    text = name.lower().replace("license", "").replace("licence", "").strip().replace(" ", "-").replace("_", "-")
    return text if text in URLS else None


def combine(names: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """The licence of the whole (`id`, `name`, `url`) and the warnings a person must read."""
    given = [n for n in names if n != "(none)"]
    missing = [n for n in names if n == "(none)"]
    ids = {n: known_id(n) for n in given}
    warnings = [f"The licence '{n}' is not known here: check its terms." for n, i in ids.items() if i is None]
    if missing:
        warnings.append("Some rows state no licence: find out before you publish.")
    found = sorted({i for i in ids.values() if i})
    warnings += conflicts(found)
    if not found or warnings:
        label = " and ".join(sorted(given)) or "unknown"
        return {"id": "other", "name": label, "url": URLS[found[0]] if len(found) == 1 else label}, warnings
    binding = [i for i in found if i not in FREEDOM]
    chosen = binding[0] if binding else max(found, key=FREEDOM.index)
    return {"id": chosen, "name": chosen, "url": URLS[chosen]}, warnings


def conflicts(ids: list[str]) -> list[str]:
    """Sentences for pairs of licences that cannot be joined in one set."""
    alike = [i for i in ids if "-sa-" in i or i.startswith("gpl")]
    warnings = []
    if len(alike) > 1:
        warnings.append(
            f"{' and '.join(alike)} both demand the same licence for what is made from them: they conflict."
        )
    for i in ids:
        if "-nd-" in i:
            warnings.append(f"{i} allows no derived works: curated rows may not be published.")
        if "-nc-" in i and len(ids) > 1:
            warnings.append(f"{i} forbids commercial use, the others do not: the whole is not for commercial use.")
    return warnings
