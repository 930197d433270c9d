"""The same question in other words: other people, numbers in words, an indirect question, plain synonyms.

Only changes that keep the meaning whatever the story: names within a table, pronouns with them, word pairs that can
stand for one another everywhere, and the asking sentence turned into `Work out how many …`. The made question is tied
to its solution again and must give the same graph.
"""

from __future__ import annotations

import re
from random import Random

from mathdata.symbolic.lexer import listed, number_words, spell
from mathdata.symbolic.solution import Unsupported
from mathdata.symbolic.statement import indirect, split_question
from mathdata.symbolic.synonyms import synonyms
from mathdata.symbolic.tie import Graph, tie
from mathdata.symbolic.vary import Made, same_graph
from mathdata.symbolic.write import decimal

__all__ = ["SHARE", "paraphrase", "shared"]

SHARE = 0.6
"""A paraphrase shares at most this part of its 3-grams with the source."""

HIM = listed(
    """James John Tom Bob Jack Bill Peter Mike Mark Jerry Joe Harry Jim Jason Billy Ben Steve Tony Matt Michael Frank Paul
    Ryan Jacob Jake Carl Andrew Adam Brian Josh Jimmy Tim Kevin Greg Randy George Kyle Rick Dave Henry Ken Jeff Bobby
    Simon William Fred Andy Carson Leo Roger Oliver Jeremy Joseph Johnny Marcus Pete Thomas Tommy Carlos David Gerald
    Samuel Robert Diego Connor Caleb Gary Joey Barry Charlie Patrick Steven Aaron Nathan Luke Mario Larry Justin Derek
    Ted Phil Martin Ivan Trevor Carter Hank Neil Jerome Danny Todd Richard Daniel Albert Kenny Eric Anthony Ron Juan
    Bruce Charles Shane Scott Jared Ralph Jesse Hans Ed Mitchell Calvin Jonah Nick Lucas Victor Pablo Cole Arthur Noah
    Kenneth Dennis Philip Zach Joel Don Marco Maurice Edward Stanley Walter Felix Hugo Oscar Omar Raymond Dean Alfred
    Leonard Gabriel Isaac Ethan Louis Vincent Theodore Stephen Douglas Ernest Harold Roy Howard Brad Dan Nate Rob Milo"""
)
HER = listed(
    """Mary Sarah Martha Lisa Janet Jane Sally Jenny Emily Carla Anna Jill Karen Maria Betty Rachel Susan Alice Amanda
    Tina Jessica Annie Lucy Jenna Nancy Lily Hannah Monica Sara Mandy Gina Amy Beth Grace Kate Carrie Katie Kylie Sue
    Samantha Janice Emma Brenda Kayla Megan Nina Donna Stephanie Sandra Cindy Stacy Angela Barbara Julie Jennifer Becky
    Madeline Anne Rebecca Tanya Jess Michelle Melissa Ella Linda Diane Molly Brittany Zoe Bella Ann Tara Elsa Helen
    Natalie Layla Claire Veronica Jasmine Olivia Cheryl Dorothy Paula Danielle Erica Rita Wendy Laura Diana Haley Peggy
    Patty Nicole Shelby Maggie Mia Marcy Carly Mabel Cathy Marla Lana Fiona Lydia Clara Theresa Margaret Polly Joan Susie
    Greta Katy Louise Lola Charlotte Tiffany Maya Carolyn Brooke Kelsey Bonnie Cara Milly Allison Bethany Christina Ruth
    Natalia Teresa Vanessa Isabella Sophia Ellen Irene Judy Carol Amelia Naomi Heather Valerie Kathy Gloria Audrey"""
)
_NEW_HIM = listed("Owen Elias Victor Hugo Felix Milo Silas Jonas Oscar Desmond Rowan Stefan")
_NEW_HER = listed("Nora Ingrid Celia Selma Priya Flora Edith Yasmin Rosa Helga Alma Vera")
_PLACES = frozenset(
    listed(
        """Monday Tuesday Wednesday Thursday Friday Saturday Sunday Mondays Tuesdays Wednesdays Thursdays Fridays Saturdays
        Sundays January February March April May June July August September October November December Christmas Easter
        Halloween Thanksgiving English French Spanish Chinese American Texas California Chicago York New City School High
        Park Lake I AM PM Netflix Facebook Walmart Amazon Canada Math Science History Mr Mrs Ms Dr TV DVD CD Valentine's
        Valentine Day Earth America Europe Internet Olympics"""
    )
)
_PAIRED = """he she|boy girl|boys girls|man woman|men women|brother sister|brothers sisters|father mother|dad mom
son daughter|sons daughters|husband wife|uncle aunt|nephew niece|grandfather grandmother|grandpa grandma
boyfriend girlfriend|king queen|prince princess|mr mrs|himself herself"""
_SWAP = {"his": "her", "him": "her", "ms": "mr"}
for _pair in re.split(r"[|\n]", _PAIRED):
    _male, _female = _pair.split()
    _SWAP |= {_male: _female, _female: _male}
_TOKEN = re.compile(r"[a-z]+|\d+(?:[.,]\d+)*")


def shared(made: str, source: str) -> float:
    """The part of the 3-grams of `made` that occur in `source`."""
    grams = _grams(made)
    known = set(_grams(source))
    return sum(g in known for g in grams) / len(grams) if grams else 1.0


def _grams(text: str) -> list[tuple[str, ...]]:
    words = _TOKEN.findall(text.lower())
    return list(zip(words, words[1:], words[2:]))


def paraphrase(graph: Graph, seed: str) -> Made:
    """One paraphrase with its solution. Raises Unsupported where it stays too near or cannot be tied again."""
    if graph.question.chinese:
        raise Unsupported("too near", "the wordings are English, the question is Chinese")
    random = Random(seed)
    source, solution = graph.question.text, graph.solution.text
    story, asked = split_question(source)
    turned = indirect(asked, random.choice(["Work out", "Determine", "Find out", "Calculate"]))
    people = _People(source, solution, random)
    made = people.rename(f"{story} {turned or asked}".strip())
    made = re.sub(r"(^|[.?!]\s+)([a-z])", lambda m: m[1] + m[2].upper(), _spelled(synonyms(made)))
    share = shared(made, source)
    if share > SHARE:
        raise Unsupported("too near", f"{share:.0%} of the 3-grams stand in the source")
    told = "\n".join(synonyms(people.rename(line)) for line in solution.split("\n"))
    try:
        again = tie(made, told)
    except Unsupported as e:
        raise Unsupported("not proved", f"read again: {e.reason}") from None
    if why := same_graph(graph, again, [g.value for g in graph.groups]):
        raise Unsupported("not proved", why)
    answer = decimal(graph.solution.gold) or ""
    return Made(problem=made, solution=told, answer=answer, exact=answer)


_KIN = (
    "mother|father|mom|dad|brothers?|sisters?|friends?|pals?|sons?|daughters?|children|kids|parents|husband|boss|class"
)
_AMBIGUOUS = re.compile(
    r"\b(?:hers|Sir|Madam|he/she|(?:fe)?males?|pregnant|lad(?:y|ies)|gentlem[ae]n|waitress|bride|groom|skirts?|beard"
    r"|\w+wom[ae]n|(?:sales|business|fire|police|mail|fisher|handy|door|crafts|milk)m[ae]n|waiters?|witch(?:es)?|gave birth"
    r"|heroine|god(?:mother|father)|step(?:mother|father|mom|dad)|momm?y|mum|daddy|fianc\w+|widow\w*|girl scouts?|boy scouts?"
    r"|makeup|lipstick|actress|dress(?:es)?|Queen|King|her (?=[\d$]))|\bher [\d$]"
    rf"|\bher (?:{'|'.join(number_words())})\b"
    r"|\b(?:g[ia]v(?:e|es|ing)|pa(?:y|ys|id)|sen[dt]s?|told|tells?|costs?|owe[sd]?|lends?|lent|offer(?:s|ed)?|brings?"
    rf"|brought|takes?|took|makes?|made|leaves?|left|lets?|buys?|bought|help(?:s|ed)?) her (?!{_KIN})[a-z]",
    re.IGNORECASE,
)
_STARTERS = frozenset(
    listed(
        """the a an if how he she it they there in on at each every after before when while for his her their its this that
        these those what then during one two three four five six seven eight nine ten half some all both with by from of
        to as however so and but also since because given another once later next last today yesterday tomorrow now
        out among unlike until although even suppose assuming most many several twice people students however i we you
        my our your not because first second third calculate find determine instead together both here mr mrs ms dr no
        let over per altogether twenty thirty forty fifty eleven twelve fifteen eighteen using without only about"""
    )
)


_TITLED = re.compile(r"\b(?:Mr|Mrs|Ms|Miss|Dr|Professor|Coach|Uncle|Aunt|St)\.? ([A-Z][a-z]+)")


class _People:
    """Other names for the people, and their pronouns with them where everybody is known."""

    def __init__(self, question: str, solution: str, random: Random) -> None:
        text = f"{question}\n{solution}"
        words = set(re.findall(r"(?<![A-Za-z])[A-Z][A-Za-z]+", text))
        words -= set(_TITLED.findall(text))
        him, her = [n for n in HIM if n in words], [n for n in HER if n in words]
        middle = set(re.findall(r"(?<=[a-z,] )[A-Z][A-Za-z']*[A-Za-z]", text)) | {*him, *her}
        unknown = {w.removesuffix("'s") for w in middle} - {*him, *her} - _PLACES
        opening = set(re.findall(r"(?:^|[.?!:\"“]\s+)([A-Z][a-z']+)", question)) - {*him, *her} - _PLACES
        known = all(w.lower() in _STARTERS or w.endswith("ly") for w in opening)
        self.swap = not unknown and known and _AMBIGUOUS.search(text) is None
        new_him = [n for n in _NEW_HIM if n not in words]
        new_her = [n for n in _NEW_HER if n not in words]
        random.shuffle(new_him)
        random.shuffle(new_her)
        first, second = (new_her, new_him) if self.swap else (new_him, new_her)
        if len(him) > len(first) or len(her) > len(second):
            self.names: dict[str, str] = {}
        else:
            self.names = dict(zip(him, first)) | dict(zip(her, second))
        self.swap = self.swap and (bool(self.names) or re.search(r"\b(?:he|she|his|her)\b", text) is not None)

    def rename(self, text: str) -> str:
        if self.swap:
            text = re.sub(r"[A-Za-z]+", lambda m: self._one(m, text), text)
        elif self.names:
            text = re.sub(r"[A-Z][a-z]+", lambda m: self.names.get(m[0], m[0]), text)
        return re.sub(r"(?<=[a-rt-z])'(?=\s)(?<![sx]')", "'s", text) if self.names else text

    def _one(self, match: re.Match[str], text: str) -> str:
        word = match[0]
        if word in self.names:
            return self.names[word]
        lower = word.lower()
        if lower == "her":
            new = "his" if _owns(text[match.end() :]) else "him"
        elif lower in _SWAP and word not in ("MR",):
            new = _SWAP[lower]
        else:
            return word
        return new.capitalize() if word[0].isupper() else new


_AFTER_HIM = frozenset(
    listed(
        """to in on at for from by with and or if how when while after before until because each every some a an the more
        than as about back there that what another one two three four five six seven eight nine ten all half twice up"""
    )
)


def _owns(after: str) -> bool:
    """`her dog` against `gave her 5 dogs`: whether a noun that is owned follows."""
    found = re.match(r"\s+([A-Za-z]+|\S)", after)
    return found is not None and found[1].isalpha() and found[1].lower() not in _AFTER_HIM


_DIGITS = re.compile(
    r"(?<![\w$€£¥.,/:%#-])(?<![$€£¥] )(\d{1,2})(?![\w.,/:%]*\d|[\w%/:]|-\w| +\d|"
    r"\s*(?:[%$€£¥]|percent|[aA]\.?[mM]|[pP]\.?[mM]|o.clock|/|:|st|nd|rd|th|(?:kg|g|km|cm|mm|m|ml|l|lbs?|oz|ft|mph|k)\b))"
)
_NAMES = re.compile(
    r"\b(?:January|February|March|April|May|June|July|August|September|October|November|December|Highway|Route|Room|"
    r"Page|Chapter|Grade|Level|Day|Week|Size|size|page|room|grade|chapter|number|No\.) $"
)
_SPELLED = {spell(n): n for n in range(2, 100)}
_SPELL = re.compile(rf"(?<![\w-])({'|'.join(sorted(_SPELLED, key=len, reverse=True))})(?![\w-]| (?:hundred|thousand|million|thirds|quarters|fifths|times|and a half|have|had|has|can|spend|are|were|will|did|do|of)\b)", re.I)  # fmt: skip


def _spelled(text: str) -> str:
    """Small numbers in words where they stood in digits, and the other way round."""

    def digits(match: re.Match[str]) -> str:
        value = int(match[1])
        named = _NAMES.search(match.string, max(0, match.start() - 12), match.start())
        return spell(value) if value >= 2 and not named else match[0]

    def word(match: re.Match[str]) -> str:
        start = match.start() == 0 or text[: match.start()].rstrip()[-1:] in (".", "?", "!")
        return match[0] if start else str(_SPELLED[match[1].lower()])

    marked = _SPELL.sub(lambda m: f"\0{word(m)}\0", text)
    marked = re.sub(r"(?<!\0)" + _DIGITS.pattern, digits, marked)
    return marked.replace("\0", "")
