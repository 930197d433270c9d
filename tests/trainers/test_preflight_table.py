"""The table of what the preflight says: one fault a case, planted in row, template, tokenizer or recipe."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from families import FAMILIES, tokenizer_of

from mathdata.errors import PreflightError
from mathdata.findings import ALLOWED, FINDINGS
from mathdata.schema import conform
from mathdata.trainspec import parse_spec
from trainers.data import IGNORED, encode
from trainers.preflight import preflight

REPLY = "12 + 30 = 42\n#### 42"
TEST_ITEM = "What is 25 + 38?"
DOCS = Path(__file__).resolve().parents[2] / "docs" / "training.md"


@dataclass(frozen=True)
class Case:
    """A row, how it is trained, what is done to tokenizer or labels, and the words that are to be said."""

    about: str
    words: tuple[str, ...] = ()
    family: str = "chatml"
    row: dict[str, Any] = field(default_factory=dict)
    spec: dict[str, Any] = field(default_factory=dict)
    tokenizer: Callable[[Any], Any] | None = None
    plant: Callable[[Any, Any], Any] | None = None
    more: dict[str, Any] = field(default_factory=dict)


def said(*turns: tuple[str, Any]) -> dict[str, Any]:
    return {"messages": json.dumps([{"role": r, "content": c} for r, c in turns])}


def template(text: str) -> Callable[[Any], Any]:
    def put(tokenizer: Any) -> Any:
        tokenizer.chat_template = text
        return tokenizer

    return put


def backend(**parts: Any) -> Callable[[Any], Any]:
    """A tokenizer whose normaliser or post-processor is another."""

    def put(tokenizer: Any) -> Any:
        for name, make in parts.items():
            setattr(tokenizer.backend_tokenizer, name, make())
        return tokenizer

    return put


def lowercase() -> Any:
    from tokenizers.normalizers import Lowercase

    return Lowercase()


def collapse() -> Any:
    from tokenizers import Regex
    from tokenizers.normalizers import Replace

    return Replace(Regex(r"\s+"), " ")


def around(before: str = "", after: str = "") -> Any:
    from tokenizers.processors import TemplateProcessing

    marks = {t: i for t, i in (("<s>", 1000), ("<|begin_of_text|>", 303), ("<|im_end|>", 301)) if t in before + after}
    return TemplateProcessing(single=f"{before} $A {after}".strip(), special_tokens=list(marks.items()))


def words_only(tokenizer: Any) -> Any:
    """A tokenizer of a few words; any other is unknown."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    known = {
        w: i
        for i, w in enumerate(["<unk>", "<end>", "<pad>", *["What", "is", "12", "+", "30", "?", "=", "42", "####"]])
    }
    raw = Tokenizer(models.WordLevel(known, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="<unk>", eos_token="<end>", pad_token="<pad>")


def same_pad(tokenizer: Any) -> Any:
    tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def labels(change: Callable[[list[int], Any, int], None]) -> Callable[[Any, Any], Any]:
    """Labels of the row changed in place: `change(labels, example, end token)`."""

    def plant(example: Any, tokenizer: Any) -> Any:
        made = list(example.labels)
        change(made, example, tokenizer.eos_token_id)
        return replace(example, labels=tuple(made))

    return plant


def set_to(made: list[int], example: Any, end: int, *, where: slice, value: str) -> None:
    for i in range(len(made))[where]:
        made[i] = {"masked": IGNORED, "end": end, "read": example.input_ids[i]}[value]


def planted(first: int | None, last: int | None, value: str) -> Callable[[Any, Any], Any]:
    return labels(partial(set_to, where=slice(first, last), value=value))


TWO = (("user", "What is 1 + 1?"), ("assistant", "two"), ("user", "And 2 + 2?"), ("assistant", "four"))
IMAGE = [{"type": "text", "text": "What is shown?"}, {"type": "image", "url": "x.png"}]
TALK = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
SHORTENS = FAMILIES["chatml"].template.replace(
    "{{ m.content }}<|im_end|>\n{% else", "{{ m.content[:4] }}<|im_end|>\n{% else"
)
TWICE = FAMILIES["r1"].template.replace("<think>\n{% endif", "<think>\n<think>\n{% endif")
ELEMENTARY = {"evaluate": {"benchmarks": ["elementary"]}}

CASES = (
    Case("a plain row"),
    Case("a plain row behind a text prompt", spec={"prompt": "question_answer"}),
    Case("blanks around a problem and a reply", row={"problem": " What is 12 + 30?\n", "solution": f"\n{REPLY} \n"}),
    Case("the same behind a text prompt", row={"problem": " What?\n", "solution": f"\n{REPLY} \n"}, spec={"prompt": "alpaca"}),
    Case("the same where the template trims", family="llama3", row={"problem": " What?\n", "solution": f"\n{REPLY} \n"}),
    Case("GLM-4: no token closes a reply, the next role ends it", family="glm4"),
    Case("GLM-4 in a dialogue", family="glm4", row=said(*TWO)),
    Case("R1 opens the thought itself", family="r1", row={"reasoning": "add them"}),
    Case("R1, a plain row", family="r1"),
    Case("Qwen3, thought in the solution", family="qwen3", row={"solution": f"<think>\nadd\n</think>\n\n{REPLY}"}),
    Case("a text prompt that opens the thought", row={"reasoning": "add"}, spec={"prompt": "OPENS"}),
    Case("a solution of blanks", ("empty-response",), row={"solution": " \n "}),
    Case("an empty reply in a dialogue", ("empty-response",), row=said(*TWO[:3], ("assistant", ""))),
    Case("a thought without an answer", ("empty-response",), row={"solution": "<think>\nadd\n</think>\n\n"}),
    Case("a thought that was cut off", ("broken-thought",), row={"solution": "<think>\nadd them, so"}),
    Case("a thought that nobody opened", ("broken-thought",), row={"solution": f"add them\n</think>\n\n{REPLY}"}),
    Case("two thoughts", ("doubled-thought",), row={"solution": f"<think>a</think><think>b</think>{REPLY}"}),
    Case("a template that opens it twice", ("doubled-thought",), "r1", tokenizer=template(TWICE)),
    Case("an end written in the solution", ("special-token",), row={"solution": "12<|im_end|>\n+ 30 = 42"}),
    Case("an end written in the problem", ("special-token",), row={"problem": "What is 12<|im_end|> + 30?"}),
    Case("a role written in a later turn", ("special-token",), row=said(*TWO[:2], ("user", "<|im_start|>"), TWO[3])),
    Case("a label that ends in the middle", ("second-end",), plant=planted(-4, -3, "end")),
    Case("a reply without its last labels", ("cut-reply",), plant=planted(-4, -1, "masked")),
    Case("a reply without its first labels", ("swallowed-start",), spec={"prompt": "plain"}, plant=planted(-9, -6, "masked"),
         row={"solution": "ab 4 2 4"}),
    Case("a reply without a label in its middle", ("reply-changed",), plant=planted(-5, -3, "masked")),
    Case("a reply that is not closed", ("no-eos",), plant=planted(-1, None, "masked")),
    Case("labels on the prompt", ("prompt-labels",), plant=planted(0, 3, "read")),
    Case("loss on everything by the recipe's word", spec={"loss": "all"}),
    Case("no label at all", ("masked", "no-rows"), plant=planted(0, None, "masked")),
    Case("a tokenizer that lowers letters", ("lossy-tokenizer",), tokenizer=backend(normalizer=lowercase)),
    Case("a tokenizer that loses line breaks", ("lossy-tokenizer",), tokenizer=backend(normalizer=collapse),
         spec={"prompt": "alpaca"}),
    Case("a tokenizer that knows few words", ("lossy-tokenizer",), tokenizer=words_only, spec={"prompt": "zero"}),
    Case("a tokenizer that closes every text", ("closed-prompt",), spec={"prompt": "zero"},
         tokenizer=backend(post_processor=partial(around, after="<|im_end|>"))),
    Case("a prompt and a tokenizer that both begin", ("double-bos",), "llama3", spec={"prompt": "BEGINS"},
         tokenizer=backend(post_processor=partial(around, before="<|begin_of_text|>"))),
    Case("padding with the end", ("pad-is-eos",), tokenizer=same_pad),
    Case("Llama's headers on a ChatML model", ("foreign-template",), spec={"prompt": "llama3_header"}),
    Case("Llama's headers on a Llama", family="llama3", spec={"prompt": "llama3_header"}),
    Case("a ChatML template on a Llama", ("foreign-template", "chat-end"), "llama3",
         tokenizer=template(FAMILIES["chatml"].template)),
    Case("the same on a model made from scratch", ("chat-end",), "llama3", spec={"model": {"config": {}}},
         tokenizer=template(FAMILIES["chatml"].template)),
    Case("a template that cuts replies", ("reply-rebuilt",), tokenizer=template(SHORTENS)),
    Case("the same in a dialogue", ("earlier-turns", "reply-rebuilt"), tokenizer=template(SHORTENS),
         row=said(("user", "What?"), ("assistant", "a longer one"), ("user", "And?"), ("assistant", "another one"))),
    Case("thoughts in earlier turns", ("earlier-turns",), "qwen3",
         row=said(TWO[0], ("assistant", "<think>\none\n</think>\n\ntwo"), *TWO[2:])),
    Case("a dialogue that nothing closes", ("no-eos", "chat-end"), tokenizer=template(TALK), row=said(*TWO)),
    Case("a single reply that eos closes", ("chat-end",), tokenizer=template(TALK)),
    Case("a system turn that Gemma refuses", ("template-refuses", "no-rows"), "gemma", row=said(("system", "Be brief."), *TWO)),
    Case("two questions in a row, which Mistral refuses", ("template-refuses", "no-rows"), "mistral", row=said(TWO[0], *TWO)),
    Case("a tool's turn that Phi-3 leaves out", ("turn-lost",), "phi3", row=said(*TWO[:2], ("tool", "4"), *TWO[2:])),
    Case("an image", ("not-text",), row=said(("user", IMAGE), *TWO[1:])),
    Case("a system turn beside problem and solution", ("system-turn",), row=said(("system", "Be brief."), *TWO[:2])),
    Case("a tokenizer with more tokens than the model", ("vocabulary",), more={"size": {"vocabulary": 200}}),
    Case("a tokenizer of a far smaller vocabulary", ("vocabulary",), more={"size": {"vocabulary": 32000}}),
    Case("a padded vocabulary", more={"size": {"vocabulary": 320}}),
    Case("more tokens than positions", ("positions",), more={"size": {"positions": 16}}),
    Case("longer than max_length", ("overlong",), spec={"max_length": 24, "prompt": "plain"}),
    Case("not verified", ("unverified",), row={"verdict": None}),
    Case("an evaluation that cuts gold replies", ("evaluation-limit", "evaluation-limit"),
         more={"evaluate": {"benchmarks": ["elementary"], "max_tokens": 2}}),
    Case("an evaluation on the way that cuts them", ("evaluation-limit", "evaluation-limit"),
         spec={"evaluation": {"data": "elementary", "max_tokens": 2}}),
    Case("another prompt in the evaluation", ("prompt",), more={"evaluate": {"benchmarks": ["elementary"], "prompt": "zero"}}),
    Case("a test item as the problem", ("benchmark-leak",), row={"problem": "LEAK"}, more=ELEMENTARY),
    Case("a test item in the second turn", ("benchmark-leak",), row=said(*TWO[:2], ("user", "LEAK"), TWO[3]), more=ELEMENTARY),
    Case("a test item in the system turn", ("benchmark-leak",), row=said(("system", "LEAK"), *TWO), more=ELEMENTARY),
    Case("a test item asked where the problem is another", ("benchmark-leak",), row=said(("user", "LEAK"), TWO[1]), more=ELEMENTARY),
    Case("a rate for another size", ("learning-rate",), spec={"learning_rate": 1.0}, more={"size": {"parameters": 8 * 10**9}}),
    Case("a plan beyond the card", ("memory",), more={"size": {"memory": {
        "fits": False, "total": 40.0, "gpu_gib": 24, "alternatives": {"lora": {"checkpointing": 20.0, "plain": 30.0}}}}}),
)  # fmt: skip


@pytest.fixture(scope="module")
def leak() -> str:
    from mathdata.registry import find

    return str(find("benchmark", "elementary").make.load()["problem"][0])


@pytest.fixture
def checked(leak: str, tmp_path: Path) -> Callable[..., Any]:
    """Preflight of one case, by the way that training takes."""

    def check(case: Case, **more: Any) -> Any:
        (tmp_path / "OPENS.txt").write_text("Question: {problem}\n<think>\n")
        (tmp_path / "BEGINS.txt").write_text("<|begin_of_text|>Question: {problem}\nAnswer:")
        row = {"problem": "What is 12 + 30?", "solution": REPLY, "answer": "42", "verdict": "correct"} | case.row
        row = {k: v.replace("LEAK", leak) if isinstance(v, str) else v for k, v in row.items()}
        frame = conform(pl.DataFrame([row], schema_overrides={"verdict": pl.String}))
        settings = {"model": "some/model", "prompt": "chat"} | case.spec
        file = tmp_path / f"{settings['prompt']}.txt"
        spec = parse_spec(settings | ({"prompt": str(file)} if file.exists() else {}))
        tokenizer = tokenizer_of(case.family)
        tokenizer = case.tokenizer(tokenizer) if case.tokenizer else tokenizer
        examples = encode(frame, spec, tokenizer)
        if case.plant:
            examples = [case.plant(e, tokenizer) for e in examples]
        return preflight(frame, examples, spec, tokenizer, **case.more, **more)

    return check


@pytest.mark.parametrize("case", CASES, ids=[c.about for c in CASES])
def test_the_preflight_says_this_and_no_more(case: Case, checked: Callable[..., Any]) -> None:
    assert sorted(f.check for f in checked(case).findings) == sorted(case.words)


@pytest.mark.parametrize("case", [c for c in CASES if c.words], ids=[c.about for c in CASES if c.words])
def test_what_is_refused_can_be_allowed_by_name_and_keeps_its_count(case: Case, checked: Callable[..., Any]) -> None:
    allowed = checked(case, allow=ALLOWED)
    assert {f.check for f in allowed.refused} <= {"no-rows"}
    counted = {f["check"]: f["rows"] for f in allowed.summary()["findings"] if f["allowed"]}
    assert set(counted) == set(case.words) - {"no-rows"}
    refused = checked(case)
    if refused.refused:
        with pytest.raises(PreflightError) as caught:
            refused.raise_if_refused()
        assert refused.refused[0].message in caught.value.message


def test_every_word_of_the_list_has_a_case_and_every_case_a_word_of_the_list() -> None:
    found_by_reading = {"rounding"}  # tests/evaluation/test_rounding.py
    assert {w for c in CASES for w in c.words} == set(FINDINGS) - found_by_reading


def test_the_documents_show_the_list() -> None:
    lines = DOCS.read_text(encoding="utf-8").replace("\\|", "\0").splitlines()
    cells = [line.split("|")[1:4] for line in lines if line.startswith("| `")]
    shown = [(name.strip(" `"), *(c.strip().replace("\0", "|") for c in rest)) for name, *rest in cells]
    wanted = [
        (name, kind.en, "no" if kind.passes is None else kind.passes if kind.refuses else "a note, never a refusal")
        for name, kind in FINDINGS.items()
    ]
    assert [s for s in shown if s[0] in FINDINGS] == wanted
