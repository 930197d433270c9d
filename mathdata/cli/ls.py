"""List what there is: stages, augmentations, backends, benchmarks, recipes, rules ... with their options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mathdata.cli import common

OTHERS = ("prompts", "recipes", "rules")


@common.command(name="ls", help=__doc__)
@click.argument("kind", required=False)
def command(kind: str | None, as_json: bool) -> None:
    from mathdata.errors import UnknownName, nearest
    from mathdata.registry import KINDS

    plural = {**{k + "s": k for k in KINDS}, **{k[:-1]: k for k in OTHERS}, "families": "family"}
    wanted = plural.get(kind or "", kind)
    if wanted and wanted not in KINDS and wanted not in OTHERS:
        raise UnknownName(f"nothing of the kind '{kind}'", nearest(str(kind), [*KINDS, *OTHERS]))
    if wanted is None:
        found: dict[str, Any] = {k: [c["name"] for c in listing(k)] for k in (*KINDS, *OTHERS)}
        common.emit(found, as_json, overview)
    else:
        common.emit({wanted: listing(wanted)}, as_json, lambda made: details(made[wanted]))


def listing(kind: str) -> list[dict[str, Any]]:
    """Everything of a kind: name, summary, options; a plugin is named, not imported."""
    if kind == "prompts":
        return prompts()
    if kind == "recipes":
        return recipes()
    if kind == "rules":
        return rules()
    from mathdata import registry

    known = registry.names(kind)
    outside = registry._plugins(kind)
    return [component(kind, n) if n not in outside else plugin(n, outside[n]) for n in known]


def component(kind: str, name: str) -> dict[str, Any]:
    from mathdata.bind import options_of
    from mathdata.registry import find

    made = find(kind, name)
    options = options_of(made.make) if callable(made.make) else ()
    summary = made.summary or getattr(made.make, "note", "") or ""
    return {"name": name, "summary": summary, "options": [option(o) for o in options]}


def option(o: Any) -> dict[str, Any]:
    from mathdata.bind import choices_of

    made = {"name": o.name, "help": o.help, "required": o.required}
    if not o.required:
        made["default"] = o.default
    words = choices_of(o.annotation)
    return made | ({"choices": list(words)} if words else {})


def plugin(name: str, entry: Any) -> dict[str, Any]:
    package = entry.dist.name if entry.dist else entry.value
    return {"name": name, "summary": f"from the package {package} (not imported)", "options": [], "plugin": package}


def prompts() -> list[dict[str, Any]]:
    from mathdata.prompts import PROMPTS

    return [
        {
            "name": p.name,
            "summary": ("chat: " if p.chat else "") + repr(p.template[:70]),
            "digest": p.digest,
            "options": [],
        }
        for p in PROMPTS.values()
    ]


def recipes() -> list[dict[str, Any]]:
    from mathdata.recipe import bundled

    return [{"name": n, "summary": opening(p), "options": []} for n, p in sorted(bundled().items())]


def rules() -> list[dict[str, Any]]:
    """The judge's rules for finding an answer, each with what it tries, in order."""
    from mathdata.verifiers.extraction import RULES

    tried = {name: ", ".join(f.__name__.replace("_", " ") for f in finders) for name, finders in RULES.items()}
    return [{"name": n, "summary": f"finds an answer by: {t}", "options": []} for n, t in tried.items()]


def opening(path: Path) -> str:
    """What the recipe says it is about, read as data: nothing is checked or built."""
    from mathdata.recipe_text import load_yaml

    data = load_yaml(path.read_text(encoding="utf-8"), where=str(path))
    about = data.get("about") if isinstance(data, dict) else ""
    return str((about.get("en") if isinstance(about, dict) else about) or "")


def overview(found: dict[str, Any]) -> None:
    from rich.table import Table

    from mathdata.show import draw

    made = Table("kind", "", "names", header_style="bold", box=None)
    for kind, names in found.items():
        made.add_row(kind, str(len(names)), ", ".join(names))
    draw(made)
    common.message("details and options: mathdata ls KIND")


def details(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table
    from rich.text import Text

    from mathdata.screen import clean
    from mathdata.show import draw

    made = Table("name", "what it is, and its options", header_style="bold", box=None)
    for row in rows:
        made.add_row(Text(clean(row["name"]), "bold"), Text(clean(row["summary"])))
        for o in row["options"]:
            shown = "required" if o["required"] else f"default {o['default']!r}"
            words = f" ({' | '.join(o['choices'])})" if "choices" in o else ""
            made.add_row("", Text(f"  {o['name']}: {o['help']}{words} [{shown}]", "dim"))
    draw(made)
