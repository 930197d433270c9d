"""English verbs of word problems: base form -> past, and the third person."""

from __future__ import annotations

__all__ = ["PAST", "third"]

_IRREGULAR = """
have had; get got; buy bought; make made; spend spent; sell sold; eat ate; give gave; take took; pay paid; find found;
bring brought; catch caught; drink drank; drive drove; go went; grow grew; keep kept; leave left; lose lost; put put;
read read; ride rode; run ran; see saw; send sent; swim swam; throw threw; win won; write wrote; know knew; hold held;
build built; bake baked; begin began; break broke; choose chose; come came; cost cost; cut cut; draw drew; fall fell;
feed fed; fly flew; forget forgot; hear heard; hide hid; hit hit; lay laid; lead led; lend lent; let let; meet met;
owe owed; shoot shot; sing sang; sleep slept; speak spoke; steal stole; teach taught; think thought; wear wore;
do did; hang hung; plant planted; become became; shut shut; set set; dig dug; score scored; bet bet; sew sewed; pick
picked; sweep swept; spread spread; bike biked; weigh weighed; say said; tell told; lie lay; stand stood; feel felt
"""
_REGULAR = """
need earn save use collect own play work walk watch add answer ask bake borrow brush burn call carry charge check clean
climb complete consume cook count cover create deliver deposit discover donate drop empty end enter fill finish fix
fold gain gather harvest help hike invest iron jog join jump kick knit last learn like live load look lift manage mow
move notice obtain offer open order pack paint park pass pick plan plant pour practice prepare print produce pull
purchase push raise reach receive remain remove rent repair replace require return roll search see serve share shop
shovel skip solve sort start stay stitch stop study talk taste text total touch train transfer travel trim turn type
use visit volunteer wait walk want wash waste watch water weed work wrap yield cook deserve decorate expect exercise
hire host include increase score scan crochet contribute bounce pop wait store stock end pet process bag box_ attend
accumulate achieve assemble award bank download drain dry dunk edit file film finish fish fetch hatch hunt install
invite kill land lick make measure melt owe paddle photograph place pedal plow publish record recycle rake release
save season ship sign slice smoke spot stack stamp subscribe supply surf swallow tie treat twist upload vacuum vote
""".replace("box_", "")


def _regular(verb: str) -> str:
    if verb.endswith("e"):
        return verb + "d"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ied"
    if verb in ("jog", "shop", "stop", "drop", "plan", "skip", "trim", "wrap", "pop", "bag", "hop", "chop", "ship",
                "scan", "pet", "spot", "knit"):  # fmt: skip
        return verb + verb[-1] + "ed"
    return verb + "ed"


PAST: dict[str, str] = {verb: _regular(verb) for verb in _REGULAR.split()}
PAST.update(tuple(pair.split()) for pair in _IRREGULAR.replace("\n", " ").split(";"))  # type: ignore[misc]


def third(verb: str) -> str:
    """`she ...`: has, does, goes, carries, washes, needs."""
    if verb in ("have", "do", "go"):
        return {"have": "has", "do": "does", "go": "goes"}[verb]
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ies"
    return verb + ("es" if verb.endswith(("s", "sh", "ch", "x", "z")) else "s")
