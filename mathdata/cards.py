"""Data cards: a Hugging Face dataset card and Croissant metadata for a curated set, from its rows and its manifest."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from mathdata.errors import DataError
from mathdata.licences import combine
from mathdata.manifest import atomic_write, sha256_of
from mathdata.parquets import read_parquet
from mathdata.report.markdown import cell, table
from mathdata.schema import COLUMNS
from mathdata.screen import clean
from mathdata.types import Frame

__all__ = ["card", "croissant", "describe", "write_card"]

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
MEANING = {c.name: c.meaning for c in COLUMNS}


def card(file: str | Path, *, run: Mapping[str, Any] | None = None, out: str | Path | None = None) -> str:
    """The dataset card of a parquet file as Markdown; `run` (else the manifest beside it) tells how it was made.

    With `out` it is written, and the Croissant metadata beside it. Raises DataError for a file that is no table.
    """
    path = Path(file)
    facts = describe(path, run)
    text = clean(markdown(facts))
    if out is not None:
        target = Path(out)
        atomic_write(target, text)
        body = json.dumps(croissant(facts), ensure_ascii=False, indent=1) + "\n"
        atomic_write(target.with_suffix(".croissant.json"), body)
    return text


def write_card(file: str | Path, out: str | Path, *, run: Mapping[str, Any] | None = None) -> list[Path]:
    """Write the card and its Croissant metadata; returns both paths."""
    card(file, run=run, out=out)
    return [Path(out), Path(out).with_suffix(".croissant.json")]


# --- facts -------------------------------------------------------------------------------------------------------


def describe(path: Path, run: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Everything a card says, as plain data."""
    try:
        rows = read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{path}: {error}", "a card is made of a parquet file") from error
    run = dict(run) if run is not None else manifest_beside(path)
    counts = {c: _counts(rows, c) for c in ("source", "license", "topic", "language", "method", "teacher", "verdict")}
    licence, warnings = combine(counts["license"])
    return {
        "name": str(run.get("name") or _recipe_name(run) or path.stem),
        "file": path.name,
        "sha256": sha256_of(path),
        "bytes": path.stat().st_size,
        "rows": rows.height,
        "columns": {c: str(t) for c, t in rows.schema.items()},
        "counts": counts,
        "licence": licence,
        "licence_warnings": warnings,
        "ledger": [s for s in run.get("ledger") or [] if s.get("arm", path.stem) in (path.stem, "curated", "")],
        "planted": run.get("planted") or [],
        "recipe": run.get("recipe"),
        "digest": run.get("digest"),
        "seed": run.get("seed"),
        "versions": run.get("versions") or {},
        "inputs": run.get("inputs") or [],
        "example": _example(rows),
    }


def manifest_beside(path: Path) -> dict[str, Any]:
    """The manifest of a stage's output, or of the run folder the file lies in; empty where there is none."""
    for candidate in (path.with_name(path.name + ".manifest.json"), path.parent / "manifest.json"):
        if candidate.is_file():
            try:
                found: dict[str, Any] = json.loads(candidate.read_text(encoding="utf-8"))
            except ValueError as error:
                raise DataError(f"{candidate}: not JSON: {error}", "make it again by running the stage") from error
            return found
    return {}


def _recipe_name(run: Mapping[str, Any]) -> str | None:
    recipe = run.get("recipe")
    return str(recipe["name"]) if isinstance(recipe, Mapping) and recipe.get("name") else None


def _counts(rows: Frame, column: str) -> dict[str, int]:
    if column not in rows.columns:
        return {}
    found = Counter("(none)" if v is None else str(v) for v in rows[column].to_list())
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _example(rows: Frame) -> dict[str, Any]:
    if not rows.height:
        return {}
    names = [c for c in ("problem", "solution", "answer") if c in rows.columns]
    return rows.select(names).row(0, named=True)


# --- Markdown ----------------------------------------------------------------------------------------------------


def markdown(facts: Mapping[str, Any]) -> str:
    parts = [head(facts), intro(facts), rows_section(facts), stages_section(facts), contamination(facts)]
    return "\n".join(p for p in [*parts, limits(facts), rebuild(facts)] if p)


def head(facts: Mapping[str, Any]) -> str:
    """The YAML head that the hub reads."""
    import yaml

    n = facts["rows"]
    made = any(m != "(none)" for m in facts["counts"]["method"])
    body: dict[str, Any] = {
        "license": facts["licence"]["id"],
        **({"license_name": facts["licence"]["name"]} if facts["licence"]["id"] == "other" else {}),
        "language": [x for x in facts["counts"]["language"] if x in ("en", "zh")] or ["en"],
        "pretty_name": facts["name"],
        "size_categories": [next((word for top, word in SIZES if n < top), "1M<n<10M")],
        "task_categories": ["text-generation"],
        "annotations_creators": ["machine-generated"] if made else ["found"],
        "tags": ["mathematics", "reasoning", "mathdata", *(["synthetic"] if made else [])],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": facts["file"]}]}],
    }
    return "---\n" + yaml.safe_dump(body, allow_unicode=True, sort_keys=False) + "---\n"


def intro(facts: Mapping[str, Any]) -> str:
    sources = ", ".join(f"{cell(s)} ({n})" for s, n in list(facts["counts"]["source"].items())[:12])
    warned = "".join(f"> **Licence warning.** {cell(w)}\n" for w in facts["licence_warnings"])
    example = "".join(f"\n**{k}**\n\n{_fenced(v)}\n" for k, v in facts["example"].items() if v)
    return (
        f"# {cell(facts['name'])}\n\n{facts['rows']:,} mathematics problems with worked solutions. "
        f"Sources: {sources or 'not stated'}.\n\n{warned}\n## An example\n{example}"
    )


def _fenced(text: Any) -> str:
    fence = "`" * 4
    return f"{fence}text\n{str(text)[:1500].replace(fence, '')}\n{fence}"


def rows_section(facts: Mapping[str, Any]) -> str:
    parts = ["## What is in it\n"]
    for column, words in (
        ("source", "source"), ("license", "licence"), ("topic", "topic"), ("language", "language"),
        ("method", "method (none = an original row)"), ("teacher", "teacher"), ("verdict", "verdict of the judge"),
    ):  # fmt: skip
        found = facts["counts"][column]
        if found and list(found) != ["(none)"]:
            shown = list(found.items())[:40]
            parts.append(table([words, "rows", "share"], [[k, f"{n:,}", f"{n / facts['rows']:.1%}"] for k, n in shown]))
    described = [[c, t, MEANING.get(c, "extra column")] for c, t in facts["columns"].items()]
    return "\n".join([*parts, "### Columns\n", table(["column", "type", "meaning"], described)])


def stages_section(facts: Mapping[str, Any]) -> str:
    if not facts["ledger"]:
        return ""
    body = []
    for s in facts["ledger"]:
        why = ", ".join(f"{w} {n}" for w, n in sorted(s["rejected"].items(), key=lambda i: -i[1])) or "–"
        body.append([s["stage"], f"{s['rows_in']:,}", f"{s['created']:,}", f"{s['kept']:,}", why])
    note = "Every row is accounted for: in + created = kept + set aside.\n"
    text = (
        "## What each stage kept and set aside\n\n"
        + note
        + "\n"
        + table(["stage", "in", "created", "kept", "set aside"], body)
    )
    if facts["planted"]:
        keys = ("planted", "found", "missed", "wrongly")
        rows = [[f["fault"], *(f.get(k, "–") for k in keys)] for f in facts["planted"]]
        text += "\nFaults planted in the raw corpus at known places:\n\n" + table(["fault", *keys], rows)
    return text


def contamination(facts: Mapping[str, Any]) -> str:
    stages = [s for s in facts["ledger"] if s["stage"] == "decontaminate"]
    if not stages:
        return "## Contamination\n\nNot checked against any benchmark.\n"
    against = ", ".join(sorted({str(a) for s in stages for a in _as_list((s.get("options") or {}).get("against"))}))
    gone = sum(sum(s["rejected"].values()) for s in stages)
    return f"## Contamination\n\nChecked against: {cell(against or 'see the recipe')}. Rows set aside: {gone:,}.\n"


def _as_list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def limits(facts: Mapping[str, Any]) -> str:
    verdicts = facts["counts"]["verdict"]
    checked = facts["rows"] - verdicts.get("(none)", 0) if verdicts else 0
    lines = [
        f"- {checked:,} of {facts['rows']:,} rows carry a verdict of the judge; the others were not verified.",
        "- A right final answer does not prove every step of a solution.",
    ]
    if any(m != "(none)" for m in facts["counts"]["method"]):
        lines.append("- Derived rows repeat the wording and the biases of their teacher or template.")
    return "## Known limits\n\n" + "\n".join(lines) + "\n"


def rebuild(facts: Mapping[str, Any]) -> str:
    import yaml

    lines = [f"- file: `{facts['file']}`, sha256 `{facts['sha256']}`"]
    lines += [f"- recipe digest: `{facts['digest']}`"] if facts["digest"] else []
    lines += [f"- seed: {facts['seed']}"] if facts["seed"] is not None else []
    lines += ["- versions: " + ", ".join(f"{k} {v}" for k, v in facts["versions"].items())] if facts["versions"] else []
    text = "## How to rebuild it\n\n" + "\n".join(lines) + "\n"
    if facts["recipe"]:
        body = yaml.safe_dump(facts["recipe"], allow_unicode=True, sort_keys=False, width=100)
        text += f"\n```\nmathdata run recipe.yaml\n```\n\nrecipe.yaml:\n\n````yaml\n{body.replace('````', '')}````\n"
    return text


# --- Croissant ---------------------------------------------------------------------------------------------------

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "samplingRate": "cr:samplingRate",
    "equivalentProperty": "cr:equivalentProperty",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataBiases": "cr:dataBiases",
    "dataCollection": "cr:dataCollection",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "personalSensitiveInformation": "cr:personalSensitiveInformation",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Croissant 1.0 metadata: the file by its sha256, and a record set with one field a column."""
    fields = [_field(name, dtype) for name, dtype in facts["columns"].items()]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": facts["name"],
        "description": f"{facts['rows']} mathematics problems with worked solutions, curated by mathdata.",
        "license": facts["licence"]["url"],
        "url": facts["file"],
        "version": "1.0.0",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": facts["file"],
                "name": facts["file"],
                "contentUrl": facts["file"],
                "contentSize": f"{facts['bytes']} B",
                "encodingFormat": "application/x-parquet",
                "sha256": facts["sha256"],
            }
        ],
        "recordSet": [
            {"@type": "cr:RecordSet", "@id": "rows", "name": "rows", "field": _located(fields, facts["file"])}
        ],
    }


def _field(name: str, dtype: str) -> dict[str, Any]:
    inner = dtype[5:-1] if dtype.startswith("List(") else dtype
    kind = "sc:Float" if inner.startswith("Float") else "sc:Integer" if "Int" in inner else "sc:Text"
    kind = "sc:Boolean" if inner == "Boolean" else kind
    made = {"@type": "cr:Field", "@id": f"rows/{name}", "name": name, "dataType": kind}
    if name in MEANING:
        made["description"] = MEANING[name]
    return made | ({"repeated": True} if dtype.startswith("List(") else {})


def _located(fields: Sequence[dict[str, Any]], file: str) -> list[dict[str, Any]]:
    return [f | {"source": {"fileObject": {"@id": file}, "extract": {"column": f["name"]}}} for f in fields]
