"""The page in a real browser: it answers first, shows the cases, switches language, and nothing can be injected."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from report_helpers import HOSTILE, a_run, case, comparison, many, only, said

from mathdata.report import words, write_report
from mathdata.report.markdown import markdown


@pytest.fixture
def page_of(tmp_path, open_page):
    def made(run, **settings):
        return open_page(write_report(run, tmp_path / "report.html"), **settings)

    return made


def test_the_answer_stands_first_with_its_size_and_its_sureness(page_of):
    page = page_of(a_run())
    answer = page.locator("#answer").inner_text()
    assert "It helped." in answer
    assert "+56.7" in answer
    assert "McNemar exact p < 0.001" in answer
    assert "raw: the preflight check allowed by name: unverified." in answer
    box = page.locator("#answer").bounding_box()
    assert box["y"] + box["height"] < 900, "the answer is seen without scrolling"


@pytest.mark.parametrize(("flip", "said"), [((True, False), "It hurt."), (None, "No clear difference.")])
def test_a_loss_and_a_tie_are_said_as_plainly_as_a_gain(page_of, flip, said):
    cases = [case(i, *(flip or (i % 2 == 0, i % 2 == 1))) for i in range(40)]
    run = a_run() | {"comparisons": [comparison("raw", "curated", cases)]}
    assert said in page_of(run).locator("#answer").inner_text()


def test_the_page_asks_for_nothing_and_logs_nothing(page_of):
    page = page_of(a_run())
    assert [u for u in page.asked if not u.startswith("file:")] == []
    assert page.said == []


def test_text_of_models_and_rows_stays_text(page_of):
    page = page_of(a_run(HOSTILE))
    page.locator("details").first.evaluate("n => n.open = true")
    while page.locator("#case-more").is_visible():
        page.locator("#case-more").click()
    assert page.title() != "owned"
    assert page.locator("main img, main iframe, main a[href^=javascript], main script, main [onerror]").count() == 0
    assert page.evaluate("document.querySelectorAll('[href^=\"javascript\"]').length") == 0
    shown = page.locator("#case-list").inner_text()
    assert "<script>document.title='owned'</script>" in shown
    assert "\x1b" not in page.content()
    assert [u for u in page.asked if not u.startswith("file:")] == []


def test_an_injected_script_would_be_stopped_by_the_policy(page_of):
    page = page_of(a_run())
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=1\">')")
    page.evaluate("const s=document.createElement('script');s.textContent='document.title=2';document.body.append(s)")
    page.wait_for_timeout(100)
    assert page.title() not in ("1", "2")
    assert any("Content Security Policy" in text for text in page.said)


def test_cases_are_filtered_by_flip_subject_mistake_and_words(page_of):
    page = page_of(a_run())
    count = page.locator("#case-count")
    assert count.inner_text() == "20 of 60 cases"
    assert page.locator(".case").first.locator(".flip").inner_text() == "broken", "broken cases stand first"
    page.select_option("#case-flip", "fixed")
    assert count.inner_text() == "20 of 36 cases"
    page.select_option("#case-subject", "even")
    assert count.inner_text() == "20 of 20 cases"
    page.select_option("#case-level", "Level 1")
    assert count.inner_text() == "10 of 10 cases"
    page.select_option("#case-level", "")
    page.fill("#case-search", "has 14 apples")
    assert count.inner_text() == "1 of 1 cases"
    page.fill("#case-search", "")
    page.select_option("#case-flip", "")
    page.select_option("#case-subject", "")
    page.select_option("#case-verdict", "wrong")
    assert count.inner_text() == "6 of 6 cases"
    page.select_option("#case-verdict", "")
    page.select_option("#case-why", "slip")
    assert count.inner_text() == "20 of 40 cases"


def test_any_two_arms_can_be_laid_side_by_side(page_of):
    page = page_of(a_run())
    page.select_option("#case-a", label="before")
    page.select_option("#case-flip", "fixed")
    assert page.locator("#case-count").inner_text() == "20 of 54 cases"
    heads = page.locator(".case").first.locator("h4").all_inner_texts()
    assert heads[0].startswith("before")
    assert heads[1].startswith("curated")


def test_formulas_are_mathml_prices_are_not_and_slips_are_marked(page_of):
    cases = [
        case(0, True, True, "costs $5 or $7, \\(\\sqrt{2}\\) and \\[\\int_0^1 x\\,dx\\] \\boxed{\\frac{1}{2}}"),
        case(1, False, True),
        case(2, True, False, "$\\undefinedcommand{x}$ $x_{$"),
        case(
            3,
            True,
            True,
            "$ \\sqrt{x} $ costs $5 and $6, \\begin{align*}a&=b\\\\c&=d\\end{align*}",
            gold="\\frac{1}{2}",
        ),
    ]
    run = a_run() | {"comparisons": [comparison("raw", "curated", cases)]}
    page = page_of(run)
    first = page.locator(".case", has_text="Tom has 0 apples")
    assert first.locator(".q math").count() == 3
    assert first.locator(".q msqrt").count() == 1
    assert "$5 or $7" in first.locator(".q .text").inner_text()
    assert page.locator(".case", has_text="Tom has 1 apples").locator("mark.slip").inner_text() == "1 + 1"
    third = page.locator(".case", has_text="Tom has 3 apples")
    assert third.locator(".q .text math").count() == 2
    assert third.locator(".q .text mtable").count() == 1
    assert third.locator(".facts mfrac").count() == 1
    assert "$5 and $6" in third.locator(".q .text").inner_text()
    assert "undefinedcommand" in page.locator(".case", has_text="Tom has 2 apples").locator(".q").inner_text()


def test_a_filter_that_nothing_passes_says_so_and_offers_no_more(page_of):
    page = page_of(a_run())
    count, more = page.locator("#case-count"), page.locator("#case-more")
    assert more.is_visible()
    page.fill("#case-search", "no such words")
    assert count.inner_text() == "No case fits: change a filter or the search."
    assert page.locator(".case").count() == 0
    assert not more.is_visible()
    page.click("[data-lang=zh]")
    assert count.inner_text() == "没有符合条件的例子：请更改筛选或搜索。"
    page.fill("#case-search", "")
    assert more.is_visible()


def test_one_switch_turns_the_page_chinese_and_back(page_of):
    page = page_of(a_run())
    page.click("[data-lang=zh]")
    assert "有帮助。" in page.locator("#answer").inner_text()
    assert "It helped." not in page.locator("#answer").inner_text()
    assert page.locator("#case-search").get_attribute("placeholder") == "搜索文字"
    assert "修正" in page.locator("#case-flip").inner_text()
    page.click("[data-lang=en]")
    assert "It helped." in page.locator("#answer").inner_text()


def test_dark_follows_the_system_and_the_switch_turns_it(page_of):
    page = page_of(a_run(), color_scheme="dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(paper)
    page.click("#theme")
    light = page.evaluate(paper)
    assert sum(map(int, dark[4:-1].split(","))) < 120 < 600 < sum(map(int, light[4:-1].split(",")))


@pytest.mark.parametrize("width", [360, 390, 768, 1280, 1920])
def test_nothing_runs_off_the_side_of_any_screen(page_of, width):
    page = page_of(a_run(HOSTILE), width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_chart_names_its_unit_and_speaks_its_values(page_of):
    page = page_of(a_run())
    charts = page.locator(".chart, .curves")
    assert charts.count() >= 4
    for i in range(charts.count()):
        assert charts.nth(i).locator(".unit").count() >= 1
    label = page.locator("#arms svg[role=img]").last.get_attribute("aria-label")
    assert label.startswith("curated: 90.0 %")


def test_text_is_readable_in_both_themes(page_of):
    ratio = """(pair) => { const f = c => { const v = c.match(/[\\d.]+/g).slice(0,3).map(x => { x/=255;
      return x <= .03928 ? x/12.92 : ((x+.055)/1.055)**2.4 }); return .2126*v[0]+.7152*v[1]+.0722*v[2] };
      const a = f(pair[0]), b = f(pair[1]); return (Math.max(a,b)+.05)/(Math.min(a,b)+.05) }"""
    for scheme in ("light", "dark"):
        page = page_of(a_run(), color_scheme=scheme)
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        for selector in ("#answer h1", ".lead", ".big", ".sum", ".count", "th", ".scale text"):
            node = page.locator(selector).first
            property_ = "fill" if "text" in selector else "color"
            ink = node.evaluate(f"n => getComputedStyle(n).{property_}")
            assert page.evaluate(ratio, [ink, paper]) >= 4.5, (scheme, selector)


def test_examples_open_under_their_reason(page_of):
    page = page_of(a_run(("needle in a haystack",)))
    assert not page.locator("text=twin needle in a haystack").is_visible()
    page.locator("summary", has_text="exact-duplicate").click()
    assert page.locator("text=twin needle in a haystack").is_visible()


@pytest.mark.slow
def test_five_thousand_cases_of_three_arms_are_small_and_quick(tmp_path, open_page):
    words = " ".join(f"w{i * 7919 % 1000}" for i in range(60))
    run = a_run((words, words[::-1], words[50:] + words[:50]), n=5000)
    start = time.process_time()
    path = write_report(run, tmp_path / "report.html")
    assert time.process_time() - start < 5
    assert path.stat().st_size < 6 << 20
    page = open_page(path)
    assert page.locator("#case-count").inner_text() == "20 of 5000 cases"
    ready = page.evaluate("performance.now()")
    page.fill("#case-search", "has 4321 apples")
    assert page.locator("#case-count").inner_text() == "1 of 1 cases"
    assert ready < 5000


def test_what_was_made_what_leaked_and_what_was_measured_on_the_way_have_tables_and_curves(page_of):
    page = page_of(a_run())
    augment = page.locator("#augment tr", has_text="step_cot").first.inner_text()
    assert "77.5 %" in augment
    assert "not-new 90" in augment
    page.locator("#augment summary").first.click()
    assert page.locator("#augment", has_text="no step").count() == 1
    assert page.locator("#leaks tr", has_text="sums").inner_text().split() == [
        "curated",
        "sums",
        "60",
        "4",
        "0",
        "10",
        "0",
    ]
    assert page.locator("#steps .curves").count() == 3, "truncation was not measured: no empty chart"
    assert page.locator("#steps polyline").count() == 6


def test_paper_is_white_whatever_the_screen_was(page_of):
    page = page_of(a_run(), color_scheme="dark")
    page.click("#theme")
    page.click("#theme")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator(".tools").is_visible()
    assert not page.locator("#filters").is_visible()
    assert page.locator("#answer h1").is_visible()


def test_a_gain_where_nearly_nothing_is_right_is_no_success(page_of):
    cases = [case(i, False, i < 9) for i in range(400)]
    made = comparison("raw", "curated", cases)
    assert only(made)["p"] < 0.05
    assert only(made)["low"] > 0
    run = a_run() | {"comparisons": [made], "differences": said(made)}
    page = page_of(run)
    assert page.locator("h1 .en").inner_text() == "A difference, near zero."
    assert "not learnt yet" in page.locator("#answer").inner_text()
    assert "near zero" in markdown(run)
    assert "It helped" not in markdown(run)


def test_the_cost_tells_time_tokens_and_money_of_every_part(page_of):
    run = a_run()
    teacher = {"name": "openai:big", "asked": 400, "from_journal": 20, "failed": 1, "tokens_in": 52_000,
               "tokens_out": 31_000, "usd": 1.25}  # fmt: skip
    run["ledger"][2]["figures"]["teacher"] = teacher
    run["arms"]["curated"] |= {"trainable": 345_120, "total": 345_120, "tokens_per_second": 10_500.0}
    run["ledger"] += [{**run["ledger"][0], "arm": "raw"}]  # the same step, shared: its time counts once
    text = " ".join(page_of(run).locator("#cost").inner_text().split())
    assert "$1.25 teachers' price" in text
    assert "openai:big" in text
    assert "52 000" in text
    assert "10 500" in text
    assert "4.2 s stages" in text


def test_arms_and_notes_speak_both_languages_where_the_recipe_does(page_of):
    run = a_run()
    run["arms"]["raw"]["about"] = {"en": "as it came", "zh": "原样 <b>"}
    run["notes"] = [{"en": "mostly the quota", "zh": "主要来自配额"}, "one language"]
    page = page_of(run)
    assert "as it came" in page.locator("#arms").inner_text()
    page.click("[data-lang=zh]")
    assert "原样 <b>" in page.locator("#arms").inner_text()
    assert "as it came" not in page.locator("#arms").inner_text()
    assert "主要来自配额" in page.locator("#answer").inner_text()
    assert "one language" in page.locator("#answer").inner_text()


def test_cases_are_counted_by_flip_and_filtered_by_method(page_of):
    run = a_run()
    for made in run["comparisons"]:
        made["cases"] = [c | {"method": "fobar" if int(c["id"][1:]) % 2 else "sv"} for c in made["cases"]]
    page = page_of(run)
    counted = {b.split()[1]: int(b.split()[0]) for b in page.locator("#case-flips button").all_inner_texts()}
    assert counted["fixed"] == only(run["comparisons"][0])["fixed"]
    assert sum(int(b.split()[0]) for b in page.locator("#case-flips button").all_inner_texts()) == 60
    page.select_option("#case-method", "sv")
    assert "of 30 cases" in page.locator("#case-count").inner_text()
    page.click("#case-flips .fixed")
    shown = int(page.locator("#case-count").inner_text().split()[2])
    assert shown == sum(c["flip"] == "fixed" and c["method"] == "sv" for c in run["comparisons"][0]["cases"])
    page.click("#case-flips .fixed")
    assert "of 30 cases" in page.locator("#case-count").inner_text()


def test_the_gold_solution_stands_beside_both_answers_when_asked_for(page_of):
    run = a_run()
    for made in run["comparisons"]:
        made["cases"] = [c | {"solution": f"It is $\\frac{{{c['id'][1:]}}}{{1}}$ <b>twice</b>."} for c in made["cases"]]
    page = page_of(run)
    first = page.locator("article.case").first
    assert first.locator(".gold math").count() == 0
    first.locator(".gold summary").click()
    first.locator(".gold math").wait_for()
    assert "<b>twice</b>" in first.locator(".gold").inner_text()


def test_a_slip_inside_a_formula_marks_the_whole_of_it_and_read_answers_lose_their_dollars(page_of):
    run = a_run()
    text = "So $2 \\cdot 6 = 2^6 + 6^2 = 100$ it is."
    slip = {"after": text, "slip_after": (4, 24), "why_after": "slip at step 1", "got_after": "$5$"}
    for made in run["comparisons"]:
        made["cases"] = [c | slip | {"verdict_after": "wrong"} for c in made["cases"]]
    first = page_of(run).locator("article.case").first
    assert first.locator("mark.slip math").count() == 1
    assert "cdot" not in first.locator(".side-by").nth(1).inner_text()
    read = first.locator("h4").nth(1).inner_text()
    assert "read as" in read
    assert "$" not in read


def test_what_went_wrong_is_counted_for_both_sides_and_every_section_is_linked(page_of):
    run = a_run()
    only(run["comparisons"][0])["why"] = {"before": {"slip": 30, "cut off": 10}, "after": {"wrong set-up": 6}}
    page = page_of(run)
    assert page.locator("#wrong tbody tr").nth(0).inner_text().split()[:5] == ["raw", "10", "30", "0", "40"]
    ids = page.eval_on_selector_all("section[id]", "all => all.map(s => s.id)")
    assert page.eval_on_selector_all("nav a", "all => all.map(a => a.hash.slice(1))") == ids
    assert {"cost", "wrong", "cases", "repeat"} <= set(ids)


def test_every_section_has_a_short_name_for_the_line_of_links() -> None:
    source = "".join(p.read_text(encoding="utf-8") for p in sorted(Path(words.__file__).parent.glob("*.py")))
    named = set(re.findall(r'\bsection\(\s*"(\w+)"', source))
    assert "leaderboard" in named
    assert sorted(named - set(words.SHORT)) == []


def test_several_benchmarks_stand_in_columns_of_the_answer_and_nothing_is_added_up(page_of):
    page = page_of(many(3))
    head = page.locator("#answer thead").inner_text().split()
    assert [w for w in head if w in ("gsm8k", "math", "squad")] == ["gsm8k", "math", "squad"]
    assert page.locator("#answer h1").inner_text() == "2 helped · 4 not clear (of 6)"
    row = page.locator("#answer tbody tr").first.inner_text()
    assert "+33.3" in row
    assert "−20.0" in row
    assert "F1 43.8 % → 56.2 %" in row
    assert page.locator("#answer tbody tr").count() == 2
    assert "102" not in page.locator("#answer").inner_text(), "60 + 30 + 12 problems are nowhere one number"
    tables = page.locator("#arms table")
    assert tables.count() == 4, "side by side, then each by itself"
    assert "gsm8k" in tables.first.inner_text()
    assert "EM" in tables.last.inner_text()
    assert "43.8 %" in tables.last.inner_text()
    assert page.locator("#pairs .chart").count() == 3


def test_the_headline_of_several_is_chinese_too(page_of):
    page = page_of(many(3))
    page.click("[data-lang=zh]")
    assert page.locator("#answer h1").inner_text() == "2 项有帮助 · 4 项差别不明显（共 6 项）"
    assert "没有明显差别" in page.locator("#answer tbody").inner_text()


def test_one_pair_on_one_benchmark_keeps_its_big_figure(page_of):
    page = page_of(many(2, (("gsm8k", 60),)))
    assert page.locator("#answer .big").inner_text() == "+33.3"


@pytest.mark.parametrize("width", [360, 390, 768, 1280])
@pytest.mark.parametrize("count", [2, 10])
def test_ten_arms_on_three_benchmarks_fit_any_screen(page_of, width, count):
    page = page_of(many(count), width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for figure in page.locator("#answer .gain").all():
        box = figure.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width, "every difference is seen without scrolling sideways"


def test_every_arm_has_a_line_of_its_own_that_begins_at_step_nought(page_of):
    page = page_of(many(17))
    charts = page.locator("#steps .curves")
    assert charts.count() == 5, "accuracy, tokens, format, cut off, length"
    for i in range(5):
        lines = charts.nth(i).locator("polyline")
        looks = {lines.nth(k).get_attribute("class") for k in range(lines.count())}
        assert lines.count() == len(looks) == 16, "none is dropped, and each can be told apart"
        assert all(lines.nth(k).get_attribute("points").startswith("0.0,") for k in range(16))
    assert page.locator("#steps h3", has_text="gsm8k").inner_text().split() == ["gsm8k", "n", "=", "60"]


def test_rewards_and_rounds_have_tables_and_curves(page_of):
    run = a_run()
    steps = range(1, 11)
    run["arms"]["curated"] |= {
        "curves": {"reward": [[s, s / 10] for s in steps], "zero_advantage": [[s, 0.5] for s in steps], "length": []},
        "rewards": {"groups": 40, "zero_advantage_groups": 10, "verdicts": {"correct": 50, "unparsed": 3}},
    }
    run["arms"]["raw"]["rounds"] = [
        {"round": r, "problems": 128, "samples": 512, "right": 200, "distinct": 150, "kept": 99, "rows": 227, "steps": 60,
         "accuracy_sampled": 0.39, "accuracy": 0.5, "accuracy_before": 0.25}
        for r in (1, 2)
    ]  # fmt: skip
    page = page_of(run)
    groups = page.locator("#rewards tbody tr").inner_text()
    assert "10 25.0 %" in " ".join(groups.split())
    assert "no answer found 3" in groups
    assert page.locator("#rewards .curves").count() == 2, "no empty chart"
    told = page.locator("#rounds tbody tr").first.inner_text().split()
    assert told == ["raw", "1", "128", "512", "200", "150", "99", "227", "60", "39.0", "%", "50.0", "%"]
    accuracy = page.locator("#rounds .curves").last.locator("polyline")
    assert accuracy.get_attribute("points").split()[0].startswith("0.0,"), "round 0 is the checkpoint"
    page.click("[data-lang=zh]")
    assert "未找到答案" in page.locator("#rewards").inner_text()
    assert page.locator("#rounds h2").inner_text() == "专家迭代各轮"


def test_arms_and_pairs_that_are_missing_are_said_first_in_both_languages(page_of):
    run = a_run() | {
        "failed": {"late": {"message": "arm 'late': <b>out of memory", "hint": ""}},
        "not_compared": [
            {"before": "raw", "after": "late", "en": "raw → late: not compared", "zh": "raw → late：未比较"}
        ],
    }
    page = page_of(run)
    red = page.locator("#answer .notes li.red")
    assert red.all_inner_texts() == ["Not finished: arm 'late': <b>out of memory", "raw → late: not compared"]
    page.click("[data-lang=zh]")
    assert red.all_inner_texts() == ["未完成：arm 'late': <b>out of memory", "raw → late：未比较"]
    text = markdown(run)
    assert "**not finished: arm 'late': &lt;b>out of memory**" in text
    assert "**raw → late: not compared**" in text


def test_a_scale_names_the_places_of_its_lines(page_of):
    run = a_run()
    run["arms"]["curated"]["loss"] = [[0, 1.0], [10, 0.25]]
    run["arms"]["raw"]["loss"] = []
    shown = page_of(run).locator("#curves .side text").all_text_contents()
    assert shown == ["0.00", "0.25", "0.50", "0.75", "1.00"]
