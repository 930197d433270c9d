"""Doubtful gold: answers that independent samples, another row or their own arithmetic speak against."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from mathdata.verifiers.rows import Checked

__all__ = ["conflicts", "consensus"]


def _key(value: str) -> str:
    """Answers of one key are surely the same; different keys are compared with the judge."""
    return "".join(value.split())


def _groups(values: Sequence[tuple[int, str]]) -> list[list[int]]:
    """Row numbers whose answers are one value, the largest group first."""
    from mathdata.verifiers.judging import same

    by_text: dict[str, list[int]] = defaultdict(list)
    for i, value in values:
        by_text[_key(value)].append(i)
    merged: list[tuple[str, list[int]]] = []
    for text, rows in by_text.items():
        home = next((g for t, g in merged[:20] if same(t, text).ok), None)
        if home is None:
            merged.append((text, list(rows)))
        else:
            home.extend(rows)
    return sorted((g for _, g in merged), key=lambda g: (-len(g), g[0]))


def consensus(keys: Sequence[str | None], checked: Sequence[Checked], agree: int) -> dict[int, str]:
    """Rows whose question has `agree` or more samples that agree with each other and not with the gold.

    `keys`: the question of each row, None for rows that are no samples. Returns row number -> sentence.
    """
    questions: dict[str, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        if key is not None:
            questions[key].append(i)
    out: dict[int, str] = {}
    for rows in questions.values():
        wrong = [
            (i, v.got)
            for i in rows
            if (v := checked[i].verdict) and v.status == "wrong" and v.got and not checked[i].proved
        ]
        right = sum(1 for i in rows if (v := checked[i].verdict) and v.ok)
        if len(wrong) < agree:
            continue
        best = _groups([(i, got) for i, got in wrong if got])[0]
        if len(best) >= agree and len(best) > right:
            first = checked[best[0]].verdict
            assert first is not None
            why = f"{len(best)} of {len(rows)} samples agree on {str(first.got)[:60]}, the gold says {str(first.expected)[:60]}"
            out.update({i: why for i, _ in wrong})
    return out


def conflicts(originals: Mapping[int, tuple[str | None, str | None]], checked: Sequence[Checked]) -> dict[int, str]:
    """Of originals (row number -> problem, gold): one question, different golds, none proved. Row number -> sentence."""
    from mathdata.verifiers.judging import gold_of

    questions: dict[str, dict[int, str]] = defaultdict(dict)
    for i, (problem, answer) in originals.items():
        if problem and answer and not checked[i].proved and (gold := gold_of(answer)):
            questions[problem][i] = gold
    out: dict[int, str] = {}
    for golds in questions.values():
        if len({_key(g) for g in golds.values()}) < 2:
            continue
        groups = _groups(list(golds.items()))
        if len(groups) > 1:
            says = " and ".join(golds[g[0]][:40] for g in groups[:3])
            out.update(dict.fromkeys(golds, f"rows with this question say {says}"))
    return out
