from __future__ import annotations

import time
from dataclasses import replace

import pytest
import torch
from served import ask
from tiny_model import make_model

from mathdata.backends._forced import forced
from mathdata.backends.transformers import Transformers
from mathdata.errors import BackendError, RecipeError
from mathdata.registry import build
from mathdata.types import Sampling


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def model(folder):
    return Transformers(model=folder, batch_size=8)


def plain(text, **sampling):
    return replace(ask(0), messages=(), text=text, sampling=Sampling(**({"max_tokens": 12} | sampling)))


def test_batches_of_mixed_lengths_give_the_library_s_own_greedy_answers(model):
    requests = [plain(f"What is {i} + {i * 7}?" + " pens" * (i % 9), max_tokens=5 + i % 7) for i in range(30)]
    ours = [a[0].text for a in model.generate(requests)]
    for request, text in zip(requests, ours):
        ids = model._tokenizer(request.text, return_tensors="pt")
        with torch.inference_mode():
            out = model._model.generate(
                **ids, max_new_tokens=request.sampling.max_tokens, do_sample=False, pad_token_id=0
            )
        assert model._tokenizer.decode(out[0][ids.input_ids.shape[1] :], skip_special_tokens=True) == text


def test_several_devices_share_the_batches_and_change_no_answer(folder, model):
    both = Transformers(model=folder, batch_size=4, device="cpu,cpu")
    assert [d for _, d in both._copies] == ["cpu", "cpu"]
    used = []
    write = both._write
    both._write = lambda lines, copy, device: (used.append(id(copy)), time.sleep(0.01), write(lines, copy, device))
    requests = [plain(f"What is {i} + {i * 7}?" + " pens" * (i % 9), max_tokens=5 + i % 7) for i in range(30)]
    requests += [plain(f"What is {i}?", temperature=0.9, seed=i, n=2) for i in range(6)]
    assert [[c.text for c in a] for a in both.generate(requests)] == [
        [c.text for c in a] for a in model.generate(requests)
    ]
    assert len(set(used)) == 2, "both copies wrote"


def test_a_sampled_answer_does_not_depend_on_its_neighbours(model):
    requests = [plain(f"What is {i}?", temperature=0.9, top_p=0.95, seed=i, n=3) for i in range(12)]
    together = [[c.text for c in a] for a in model.generate(requests)]
    alone = [[c.text for c in model.generate([r])[0]] for r in requests]
    assert together == alone
    assert len({t for a in together for t in a}) > 20


def test_an_answer_ends_at_the_end_token_and_at_stop_texts(model, folder):
    (whole,) = model.generate([plain("What is 17 + 25?", max_tokens=30)])[0]
    assert whole.finish == "length"
    assert whole.tokens_out == 30
    mark = whole.text[5:8]
    (cut,) = model.generate([plain("What is 17 + 25?", max_tokens=30, stop=(mark,))])[0]
    assert (cut.text, cut.finish) == (whole.text[: whole.text.index(mark)], "stop")
    ends = Transformers(model=folder)
    ends._ends = tuple(range(len(ends._tokenizer)))
    (empty,) = ends.generate([plain("What is 17 + 25?")])[0]
    assert (empty.text, empty.finish, empty.tokens_out) == ("", "empty", 0)


def test_rows_that_are_done_leave_the_batch(folder):
    model = Transformers(model=folder)
    widths = []
    forward = model._model.forward

    def watched(*args, **kwargs):
        widths.append(kwargs["input_ids"].shape[0])
        return forward(*args, **kwargs)

    model._model.forward = watched
    model._last_logits = dict
    model.generate([plain("What is 1?", max_tokens=2 + 3 * i) for i in range(4)])
    assert widths == sorted(widths, reverse=True)
    assert (widths[0], widths[-1]) == (4, 1)


def test_messages_go_through_the_chat_template_and_text_does_not(model):
    chat, text = replace(ask(1), messages=({"role": "user", "content": "hi"},)), plain("hi")
    assert model._tokenizer.decode(model._tokens(chat)) == "user: hi\nassistant:"
    assert model._tokenizer.decode(model._tokens(text)) == "hi"


def test_a_prompt_longer_than_the_model_is_told_not_cut(model):
    (answer,) = model.generate([plain("12 " * 600)])[0]
    assert answer.finish == "length"
    assert "512" in answer.reason
    (full,) = model.generate([plain("1" * 500, max_tokens=100)])[0]
    assert full.tokens_out == 12


def test_model_objects_can_be_given(model, folder):
    again = Transformers(model=model._model, tokenizer=model._tokenizer)
    assert again.generate([plain("What is 1?")])[0][0].text == model.generate([plain("What is 1?")])[0][0].text
    with pytest.raises(BackendError, match="tokenizer"):
        Transformers(model=model._model)


def test_a_model_in_training_mode_comes_back_in_it(folder):
    model = Transformers(model=folder)
    model._model.train()
    model.generate([plain("What is 1?", max_tokens=2)])
    assert model._model.training


def test_new_weights_under_the_same_name_have_another_identity(tmp_path):
    folder = make_model(tmp_path / "m")
    first = Transformers(model=folder)
    weights = folder / "model.safetensors"
    weights.touch()
    assert first.identity == Transformers(model=folder).identity
    data = bytearray(weights.read_bytes())
    data[-2] ^= 1
    weights.write_bytes(bytes(data))
    assert first.identity != Transformers(model=folder).identity


def test_no_such_model_is_said(tmp_path):
    with pytest.raises(BackendError, match="cannot load the model"):
        Transformers(model=tmp_path / "nothing")
    with pytest.raises(RecipeError, match="batch_size = 0"):
        build("backend", {"transformers": {"model": str(tmp_path), "batch_size": 0}})


def test_tokens_of_a_reference_are_counted_as_one_row_alone_would_choose_them(model):
    requests = [plain(f"What is {i} + {i}?" + " pens" * (i % 5)) for i in range(12)]
    references = [f" {i} + {i} = {2 * i}. The answer is {2 * i}" for i in range(12)]
    counted = model.token_accuracy(requests, references)
    for request, reference, (right, total) in zip(requests, references, counted):
        start = len(model._tokenizer(request.text)["input_ids"])
        ids = model._tokenizer(request.text + reference, return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            said = model._model(input_ids=ids).logits[0, start - 1 : -1].argmax(-1)
        assert (right, total) == (int((said == ids[0, start:]).sum()), ids.shape[1] - start)


USER = "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}\n{% else %}BEFORE{{ m.content | trim }}{% endif %}{% endfor %}"
OPENED = USER.replace("BEFORE", "A:") + "{% if add_generation_prompt %}A:<think>\n{% endif %}"
EMPTY = USER.replace("BEFORE", "A:<think>\n\n</think>\n\n") + "{% if add_generation_prompt %}A:{% endif %}"


@pytest.mark.parametrize(
    ("template", "reference", "between", "counted"),
    [
        (OPENED, "1 + 1 = 2", "A:<think>\n\n</think>\n\n", "1 + 1 = 2"),
        (OPENED, "<think>1 and 1</think>2", "A:<think>\n", "1 and 1\n</think>\n\n2"),
        (EMPTY, " 1 + 1 = 2\n", "A:<think>\n\n</think>\n\n", "1 + 1 = 2"),
        (EMPTY, "<think>1 and 1</think>2", "A:", "<think>\n1 and 1\n</think>\n\n2"),
    ],
    ids=["plain, open thought", "reasoned, open thought", "plain, empty thought", "reasoned, empty thought"],
)
def test_a_model_that_learnt_a_reply_has_every_token_of_the_reference_right(
    folder, template, reference, between, counted
):
    model = Transformers(model=folder)
    model._tokenizer.chat_template = template
    asked = replace(ask(0), messages=({"role": "user", "content": "What is 1 + 1?"},), text=None)
    given, reply = (
        model._tokenizer(t, add_special_tokens=False)["input_ids"] for t in ("What is 1 + 1?\n" + between, counted)
    )
    ids = torch.tensor([given + reply])
    optimizer = torch.optim.AdamW(model._model.parameters(), lr=3e-3)
    for _ in range(40):
        model._model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert model.token_accuracy([asked], [reference]) == [(len(reply), len(reply))]


def test_what_a_model_writes_itself_has_every_token_right(model):
    request = plain("What is 17 + 25?", max_tokens=20)
    ids = model._tokens(request)
    tokens = []
    with torch.inference_mode():
        for _ in range(20):
            tokens.append(int(model._model(input_ids=torch.tensor([ids + tokens])).logits[0, -1].argmax()))
    forced_ = forced(model._model, [(ids + tokens, len(ids))], limit=10**6, device="cpu", kept=False)
    assert forced_ == [(20, 20)]
    assert forced(model._model, [(ids + tokens, len(ids))], limit=len(ids), device="cpu", kept=False) == [(0, 0)]
