"""What the preflight of a training can find: the one list that recipes allow from, the checks use and the docs show."""

from __future__ import annotations

from dataclasses import dataclass

from mathdata.errors import nearest

__all__ = ["ALLOWED", "FINDINGS", "Kind", "allowable"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of finding: what it means, and what happens where a recipe lets it pass by name."""

    en: str
    zh: str
    passes: str | None = "trained as it stands"
    """What letting it pass means; None: it cannot pass."""
    refuses: bool = True
    """False: a note, the run goes on."""


FINDINGS: dict[str, Kind] = {
    # --- the labels, decoded -----------------------------------------------------------------------------------
    "no-rows": Kind("there is nothing to train on", "没有可训练的行", passes=None),
    "masked": Kind("a row has no label at all", "整行没有任何标签", "the rows are left out"),
    "empty-response": Kind("a reply is empty or only blanks", "回答为空或只有空白"),
    "cut-reply": Kind("the labels end before the row's reply does", "标签在回答结束之前就断了"),
    "swallowed-start": Kind("the labels begin after the row's reply does", "回答的开头被提示的词元吞掉"),
    "reply-changed": Kind("the labels read otherwise than the row's reply", "标签解码后与该行的回答不同"),
    "lossy-tokenizer": Kind(
        "the tokenizer loses or changes characters of the row", "分词器丢失或改变了该行的字符"
    ),
    "doubled-thought": Kind("a reply has more than one `<think>` or `</think>`", "回答中 <think> 或 </think> 不止一个"),
    "broken-thought": Kind(
        "a thought is opened and not closed, or closed and not opened", "思考部分只有开头或只有结尾"
    ),
    "no-eos": Kind("no end token closes a reply, so the model never learns to stop", "回答没有结束符，模型学不会停"),
    "second-end": Kind("an end token stands inside a reply", "回答中间有结束符"),
    "special-token": Kind(
        "the text of a row spells a control token, such as `<|im_end|>`", "行的文本里写着控制符，如 <|im_end|>"
    ),
    "prompt-labels": Kind("labels stand on the prompt although only replies are learnt", "提示部分也有标签"),
    # --- the template --------------------------------------------------------------------------------------------
    "template-refuses": Kind(
        "the chat template refuses the row, such as a system turn", "对话模板拒绝该行", "the rows are left out"
    ),
    "turn-lost": Kind("the chat template leaves out a turn of the dialogue", "对话模板漏掉了某一轮"),
    "earlier-turns": Kind(
        "the chat template rewrites earlier replies (it strips their thoughts)",
        "对话模板改写了前几轮的回答（去掉思考部分）",
        "the last reply alone is learnt",
    ),
    "not-text": Kind("a turn has parts that are no text, such as images", "某一轮含有非文本内容", "its text is trained"),
    "system-turn": Kind(
        "the system turn of a single exchange is not trained: its problem and solution are",
        "单轮对话只训练题目与解答，不含系统提示",
        "the same",
        refuses=False,
    ),
    "reply-rebuilt": Kind(
        "the chat template does not write replies as they stand; they follow its generation prompt as they are",
        "对话模板不按原文写回答；回答原样接在生成提示之后",
        "the same",
        refuses=False,
    ),
    "chat-end": Kind(
        "the chat template writes no end token after a reply", "对话模板在回答之后不写结束符", "replies end with eos"
    ),
    "foreign-template": Kind(
        "prompt or chat template write control tokens that this tokenizer does not know",
        "提示或对话模板使用了该分词器没有的控制符",
        "they are trained as plain text",
    ),
    "closed-prompt": Kind(
        "the tokenizer closes every text by itself, so generation is asked with an ended prompt",
        "分词器自动在每段文本后加结束符，生成时的提示已被结束",
    ),
    "double-bos": Kind("a row begins with two beginning-of-sequence tokens", "一行以两个起始符开头"),
    # --- model and tokenizer -----------------------------------------------------------------------------------
    "pad-is-eos": Kind("the padding token is the end-of-sequence token", "填充符就是结束符"),
    "vocabulary": Kind(
        "the tokenizer's ids and the model's embeddings do not belong together", "分词器与模型的词表不相配"
    ),
    "positions": Kind("rows are longer than the positions the model knows", "行长超过模型的位置数"),
    "memory": Kind("the plan does not fit the card that is here, or the one that the recipe names", "训练计划超出这块显卡的内存", "it is tried"),
    "learning-rate": Kind(
        "the learning rate is outside the usual range for this method and size",
        "学习率超出该方法与规模的常用范围",
        "the same",
        refuses=False,
    ),
    # --- the rows and the evaluation ------------------------------------------------------------------------------
    "overlong": Kind(
        "rows are longer than max_length; train.overlong: drop or cut decides what becomes of them",
        "行长超过 max_length；由 train.overlong: drop 或 cut 决定去留",
        "they are cut at max_length",
    ),
    "unverified": Kind("rows lack the verdict correct", "有的行没有判定为 correct"),
    "benchmark-leak": Kind(
        "problems of a benchmark that is asked stand among the rows, in any turn", "训练行（任何一轮）含有评测题"
    ),
    "prompt": Kind("training and evaluation render problems differently", "训练与评测使用不同的提示"),
    "rounding": Kind(
        "a benchmark is graded at a tolerance tighter than the recipe rounds its answers to",
        "评测的误差范围比配方答案的舍入更严",
        "graded as it is",
    ),
    "evaluation-limit": Kind(
        "a tenth or more of the gold replies cannot be written within the evaluation's limit, or of the trained ones (half, "
        "where the benchmark's own are worked)",
        "十分之一以上的标准解答在评测的长度限制内写不完，或训练回答如此（评测题自带解题过程时以一半为界）",
    ),
}  # fmt: skip

ALLOWED: tuple[str, ...] = tuple(name for name, kind in FINDINGS.items() if kind.passes is not None)
"""Words that a recipe may let pass; the report names each with its count."""


def allowable(word: str) -> str:
    """The word itself. Raises ValueError for one that is unknown or can never pass."""
    if word not in ALLOWED:
        raise ValueError(f"'{word}' cannot be allowed; {nearest(word, ALLOWED)}")
    return word
