"""The data side of teaching language models mathematics.

>>> import mathdata                                                          # doctest: +SKIP
>>> raw = mathdata.read("builtin:elementary")                                # 20,000 rows with planted illnesses
>>> rows = mathdata.dedup(raw, level="near")                                 # nothing is deleted: rows get a `reject`
>>> rows = mathdata.decontaminate(mathdata.keep(rows), against=["elementary"])
>>> rows = mathdata.sample(mathdata.keep(rows), n=4000, strategy="stratified", by="topic")
>>> rows = mathdata.augment(mathdata.keep(rows), method=["step_cot"], teacher="symbolic")
>>> rows = mathdata.verify(mathdata.keep(rows))
>>> mathdata.write(mathdata.keep(rows), "curated.parquet")
>>> mathdata.judge("1/2", "so the answer is $0.5$").status
'correct'
"""

TYPE_CHECKING = (
    False  # typing's own, without importing it: `python -m mathdata` runs this file with the working folder on its path
)
if TYPE_CHECKING:
    from typing import Any

_HOMES = {
    "read": "mathdata.io",
    "write": "mathdata.io",
    "keep": "mathdata.io",
    "dedup": "mathdata.stages.dedup",
    "decontaminate": "mathdata.stages.decontaminate",
    "sample": "mathdata.stages.sample",
    "augment": "mathdata.stages.augment",
    "verify": "mathdata.stages.verify",
    "judge": "mathdata.verifiers",
    "evaluate": "mathdata.evaluation",
    "compare": "mathdata.comparison",
    "card": "mathdata.cards",
    "run": "mathdata.pipeline",
    "load_recipe": "mathdata.recipe",
    "Verdict": "mathdata.types",
    "MathdataError": "mathdata.errors",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> "Any":
    if name not in _HOMES:
        raise AttributeError(f"module 'mathdata' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
