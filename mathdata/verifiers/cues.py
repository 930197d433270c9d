"""Cues and guards: the words that state an answer, and those that take a number out of what is stated. One table.

Each row holds a role, a language, a pattern, an example and a counterexample. The patterns of a role are joined into
one expression; where the text must end right before the number, the expression is anchored there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

__all__ = ["TABLE", "Row", "pattern", "said_before"]


@dataclass(frozen=True, slots=True)
class Row:
    """`example` gives the answer `value`; in `counterexample` the row's words do not have this role: `otherwise`."""

    role: str
    language: str
    words: str
    example: str
    value: str
    counterexample: str
    otherwise: str


_N = r"(?:[-−]?[$€£¥]?\d[\d,.]*)"
TABLE: tuple[Row, ...] = (
    # reason: what follows (to the comma where it comes first, else to the end) explains, conditions or compares
    Row("aside", "en", r"\b(?:because|since|given\s+that|assuming|provided|whereas|although|though|while|unless|if|when|where|whenever|once|suppose|supposing|assume|(?:do\s+not|don['’]t)\s+(?:think|believe)|as(?!\s+(?:well|the\s+answer|an?\s))|by(?=\s+(?:theorem|lemma|case|equation|the\s+table|adding|multiplying|dividing|subtracting)))\b",
        "The answer is 72 because 8 is less than 9", "72", "This is because the answer is 9", "9"),
    Row("aside", "en", r"\b(?:rather\s+than|instead\s+of|as\s+opposed\s+to|compared\s+(?:with|to)|other\s+than\s+the|except\s+for\s+the|leaving|after\s+giving|i\.e\.|e\.g\.|that\s+is|namely|assuming|check(?:ing)?\s*:)",
        "The answer is 12 rather than 13", "12", "I would rather say 12", "12"),
    Row("after", "en", r",\s*(?:which|who|whose|so\s+that|with|after|not|and\s+not|the\s+(?:number|rest|other))\b",
        "The answer is 12, which rounds from 11.2.", "12", "Which one? It is 12.", "12"),
    Row("aside", "zh", r"因为|由于|理由是?|原因|其中|而不是|而非|并不是|不是|如果|假如|若|经检验|打了|找回|检验|(?<=[，,])(?:由|且由)|当(?=[^，。]{0,12}[时，])|代入|才能|是已知",
        "答案是72，因为8小于9", "72", "因为这样，答案是9", "9"),
    # hard: this number names, counts or denies something else
    Row("hard", "en", r"\b(?:aime|amc|imo|step|steps?\s+no\.?|question|problem|exercise|figure|fig\.|page|pages|chapter|section|theorem|lemma|corollary|equation|eq\.|case|part|line|table|example|option|version|year|no\.|number\s+(?=\d+\s+of))\s*[(#]?",
        "By Theorem 7, the answer must be 3.", "3", "In this case the answer is 7.", "7"),
    Row("hard", "en", r"\b(?:aime|amc|imo|contest\s+of|olympiad|the\s+year|question|problem)\s*(?:in\s+|from\s+)?",
        "The number 5 solves AIME 2024", "5", "The problem has 5 roots", "5"),
    Row("hard", "zh", r"第|图|表|公式[（(]?|定理|引理|例|选项|步骤|题目?|问题|(?<!\d)去年[是有]?",
        "由定理7可知，答案为3。", "3", "定理说明答案是7", "7"),
    # soft: a phrase of place, time, rate or reference; the number counts only where no other is stated
    Row("soft", "en", r"\b(?:per|every|each|out\s+of|of\s+(?:the|these|those|all|them)|of|among|for|in|within|during|after|before|until|at|with|into|from|on|than|by|to|the\s+other|all|only\s+the|over(?=\s+\d+\s+(?:days|years|hours|weeks|months)))(?:\s+(?:the|all|each|every|these|those|a|about|these|its|his|her|class\s+of))*",
        "He walks 12 miles every 4 days.", "12", "Every day he walks 4 miles.", "4"),
    Row("soft", "en", r"\b(?:as|given)",
        "The answer is 12 from the 4 given.", "12", "It is given as 4.", "4"),
    Row("rate", "zh", r"每[^，。\d]{1,4}", "答：每盒9个，一共72个。", "72", "每盒有苹果9个。", "9"),
    Row("soft", "zh", r"比[^，。\d]{0,8}(?:[多少大小长短高低贵重快慢]|便宜|增加|减少|提高|降低)了?|比|从|把|按|用|占|剪成了?|分成了?|平均分给|每隔?|分给|除以|乘以?|加上?|减去?|拿走|(?<!所)以",
        "答：小红有8本书，比小明少2本。", "8", "他把苹果吃了9个。", "9"),
    # strong soft cue words that state a value inside a sentence
    Row("state", "en", r"\b(?:is|are|was|be|equals?|gives?|gave|get|gets|got|find|finds|found|have|has|had|left\s+with|total(?:\s+of)?|costs?|makes?|becomes?|comes\s+to|adds?\s+up\s+to|amounts\s+to|ends?\s+up\s+with|ended\s+up\s+with|leaves|needs?|takes?|obtain|conclude(?:\s+that)?|yields?|earns?|saves?|pays?|spends?|sells?|sold|sum\s+of|result|therefore|thus|hence|so|then)\b|=|:",
        "We start from 4 and 9, and end up with 13.", "13", "We start from 4 and reach 13.", "13"),
    Row("state", "zh", r"[是为有得]|等于|还?剩下?|一?共|需要?|还要|花了?|走了?|行了?|用了?|就是|即|算出|改为|合计|总计|分得|=|＝|：|:|[长重高宽]",
        "先算出5，再算出8。", "8", "小明5岁，读了8页。", "8"),
    # comparison: the number bounds what is stated
    Row("more", "en", r"\b(?:more|greater|larger|bigger|higher|older|longer)\s+than|\bover|\babove|\bexceed(?:s|ing)?|\bbeyond",
        "The answer is greater than 6.", "> 6", "The answer is 6 more than Bob has.", "6"),
    Row("less", "en", r"\b(?:less|fewer|smaller|lower|shorter|younger)\s+than|\bunder|\bbelow",
        "The answer is less than 6.", "< 6", "The answer is 6 less than Bob has.", "6"),
    Row("atmost", "en", r"\b(?:not|no)\s+(?:more|greater|larger|bigger|higher|longer)\s+than|\bat\s+most|\bup\s+to|\bdoes\s+not\s+exceed|\ba\s+maximum\s+of",
        "The answer is not more than 6.", "<= 6", "Most people say the answer is 6.", "6"),
    Row("atleast", "en", r"\b(?:not|no)\s+(?:less|fewer|smaller|lower)\s+than|\bat\s+least|\ba\s+minimum\s+of",
        "The answer is at least 6.", ">= 6", "The least answer is 6.", "6"),
    Row("more", "zh", r"大于|超过|高于|多于", "答案大于6。", "> 6", "较大的答案是6。", "6"),
    Row("less", "zh", r"小于|低于|少于|不足|不到", "答案小于6。", "< 6", "较小的答案是6。", "6"),
    Row("atmost", "zh", r"不大于|不超过|不高于|不多于|至多(?:是|为)?|小于等于|小于或等于", "答案不超过6。", "<= 6", "至多的情况是6个。", "6"),
    Row("atleast", "zh", r"不小于|不低于|不少于|至少(?:是|为)?|大于等于|大于或等于", "答案至少是6。", ">= 6", "至少的情况有6个。", "6"),
    # described: not the number itself but something made of it
    Row("described", "en", r"\b(?:multiples?|factors?|divisors?|powers?|squares?|roots?|cubes?|half|thirds?|quarters?|reciprocal|divisible)\s+(?:of|by)|\b(?:anything|everything|nothing)\s+but|\bother\s+than|\bexcept|\b(?:twice|double|triple|nearly|almost)|\bevery\s+one\s+of\s+the",
        "The answer is a multiple of 6.", "a multiple of 6", "Of the multiples the answer is 6.", "6"),
)  # fmt: skip

_AFTER = (
    r"\s*(?:\w+\s+)?or\s+(?:more|greater|above|over|higher)",
    r"\s*(?:\w+\s+)?or\s+(?:less|fewer|below|under|lower)",
)


@cache
def pattern(role: str) -> re.Pattern[str]:
    """The words of a role, anywhere."""
    return re.compile("|".join(f"(?:{row.words})" for row in TABLE if row.role == role), re.IGNORECASE)


_LEAD = (
    r"(?:\s|[$*(（\[¥€£]|\\[(\[$]|about\b|exactly\b|approximately\b|the\s+(?:number|value)\b|(?<=于)或?等于|是|为|了)*"
)
"""What may stand between the words of a guard and its number."""


@cache
def _anchored(role: str) -> re.Pattern[str]:
    words = "|".join(f"(?:{row.words})" for row in TABLE if row.role == role)
    return re.compile(f"(?:{words}){_LEAD}$", re.IGNORECASE)


def said_before(role: str, before: str) -> re.Match[str] | None:
    """The words of a role that end right where a number begins."""
    return _anchored(role).search(before)
