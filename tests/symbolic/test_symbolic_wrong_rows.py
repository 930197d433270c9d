"""Every kind of wrong row that was found by eye, told in other words: none of them is made again."""

import re
import time

import pytest

from mathdata.symbolic.backward import masked_rows
from mathdata.symbolic.solution import Unsupported
from mathdata.symbolic.tie import tie
from mathdata.symbolic.vary import vary

SEEDS = 40


def varied(question, solution):
    graph = tie(question, solution)
    for seed in range(SEEDS):
        try:
            yield vary(graph, str(seed))
        except Unsupported:
            continue


def asked(question, solution):
    graph = tie(question, solution)
    for seed in range(8):
        yield from masked_rows(graph, str(seed), [])


def numbers(text):
    return re.findall(r"\d+(?:\.\d+)?", text)


@pytest.mark.parametrize(
    ("question", "solution", "fixed"),
    [
        pytest.param(
            "In the past 4 nights Ada earned $30, $50, $20 and $40. How much did she earn on average?",
            "She earned 30+50+20+40 = $<<30+50+20+40=140>>140.\nThat is 140/4 = $<<140/4=35>>35 a night.\n#### 35",
            {0: "4"},
            id="a count of amounts that are listed",
        ),
        pytest.param(
            "A club has 3 tables labeled A, B, and C. Table A holds $40, table B holds $25 more and table C twice as "
            "much as table B. How much money is on the tables?",
            "Table B holds 40+25 = $<<40+25=65>>65.\nTable C holds 65*2 = $<<65*2=130>>130.\n"
            "Together that is 40+65+130 = $<<40+65+130=235>>235.\n#### 235",
            {0: "3"},
            id="a count of letters that are listed",
        ),
        pytest.param(
            "Ken has 6 $10 bills and buys a lamp for $25. How much money is left?",
            "He has 6*10 = $<<6*10=60>>60.\nSo 60-25 = $<<60-25=35>>35 is left.\n#### 35",
            {1: "10"},
            id="a bank note",
        ),
        pytest.param(
            "On Monday Lea had 5 lessons. On Tuesday she had 3 lessons of 2 hours and on Wednesday twice as much time. "
            "How many hours did she have on these 3 days if a Monday lesson takes 1 hour?",
            "Tuesday took 3*2 = <<3*2=6>>6 hours.\nWednesday took 6*2 = <<6*2=12>>12 hours.\n"
            "Together 5+6+12 = <<5+6+12=23>>23 hours.\n#### 23",
            {3: "3"},
            id="these 3 days",
        ),
        pytest.param(
            "athlete 1 ran for 50 seconds, athlete 2 for 10 seconds more. How long did the two athletes run?",
            "Athlete 2 ran 50+10 = <<50+10=60>>60 seconds.\nBoth ran 50+60 = <<50+60=110>>110 seconds.\n#### 110",
            {0: "1", 2: "2"},
            id="numbered things",
        ),
    ],
)
def test_what_must_stay_stays(question, solution, fixed):
    made = list(varied(question, solution))
    assert made
    for row in made:
        assert {k: numbers(row["problem"])[k] for k in fixed} == fixed


def test_a_rounded_result_is_rounded_again_or_the_row_is_not_varied():
    question = "Eva has $44 and wants as many $5 tickets as she can get. How much money is left?"
    solution = (
        "44/5 = <<44/5=8.8>>8.8, so she gets 8 tickets.\nThey cost 8*5 = $<<8*5=40>>40.\n"
        "She has 44-40 = $<<44-40=4>>4 left.\n#### 4"
    )
    for row in varied(question, solution):
        money, price = map(int, numbers(row["problem"])[:2])
        assert int(row["answer"]) == money - money // price * price


def test_hours_told_again_as_minutes_move_with_them():
    question = "Ron works 4 hours. He walks 6 dogs, 3 at a time, for an hour each, and reads the rest. How many minutes does he read?"
    solution = (
        "He walks for 6/3 = <<6/3=2>>2 hours.\nHe has 4-2 = 2 hours = 120 minutes left.\n"
        "So he reads 120*1 = <<120*1=120>>120 minutes.\n#### 120"
    )
    for row in varied(question, solution):
        hours, minutes = re.search(r"= (\d+) hours = (\d+) minutes", row["solution"]).groups()
        assert int(minutes) == 60 * int(hours)


def test_a_result_is_not_taken_for_a_number_of_another_thing():
    question = "Pia eats 3 nuts a day and 1 fig a day. She has 60 nuts and 10 figs. How many more nuts than figs has she after a week?"
    solution = (
        "She eats 3*7 = <<3*7=21>>21 nuts.\nSo 60-21 = <<60-21=39>>39 nuts remain.\n"
        "Of the figs 10-7 = <<10-7=3>>3 remain.\nThat is 39-3 = <<39-3=36>>36 more nuts.\n#### 36"
    )
    for row in asked(question, solution):
        start, end = row["mask"]
        if question[start:end] == "3":
            assert "- x" not in row["solution"].split("remain.")[-1].replace("- 7x", "")


def test_a_count_that_the_solution_goes_through_is_not_renamed():
    question = "A pile is 3 inches high and doubles each time. How high is it after 4 times?"
    solution = (
        "After 1 time it is 3*2 = <<3*2=6>>6 inches.\nAfter 2 times it is 6*2 = <<6*2=12>>12 inches.\n"
        "After 3 times it is 12*2 = <<12*2=24>>24 inches.\nAfter 4 times it is 24*2 = <<24*2=48>>48 inches.\n#### 48"
    )
    for row in varied(question, solution):
        assert "After 3 times" in row["solution"]


def test_a_share_of_an_hour_is_not_a_number_of_dollars():
    question = "Ann has $30 more than Ben. Ann has $120 and they share all of it equally. How much does each get?"
    solution = (
        "Ben has 120-30 = $<<120-30=90>>90.\nTogether they have 120+90 = $<<120+90=210>>210.\n"
        "Each gets 210 / 2 people = $<<210/2=105>>105.\n#### 105"
    )
    for row in varied(question, solution):
        assert "/ 2 people" in row["solution"]


def test_who_wins_keeps_winning():
    question = "Max ate 3 pies of 2 pounds. His brother ate 5 pies of 1.5 pounds. How many pounds did the winner eat?"
    solution = (
        "Max ate 3*2 = <<3*2=6>>6 pounds.\nHis brother ate 5*1.5 = <<5*1.5=7.5>>7.5 pounds.\n"
        "The winner ate 7.5 because 7.5 > 6.\n#### 7.5"
    )
    for row in varied(question, solution):
        first, second = re.search(r"because ([\d.]+) > ([\d.]+)", row["solution"]).groups()
        assert float(first) > float(second)


def test_the_two_parents_are_not_the_two_suitcases():
    question = "Each of Lil's 4 brothers brings 2 bags and her parents bring 3 bags each. How many bags do they bring?"
    solution = (
        "The brothers bring 4*2 = <<4*2=8>>8 bags.\nHer parents bring 2*3 = <<2*3=6>>6 bags.\n"
        "They bring 8+6 = <<8+6=14>>14 bags.\n#### 14"
    )
    for row in asked(question, solution):
        assert "parents bring x" not in row["solution"]
    for row in varied(question, solution):
        assert re.search(r"parents bring 2\*", row["solution"])


def test_a_sum_in_x_is_bracketed_before_a_sign():
    question = "Mia mows for 1 hour and plants for 2 hours. She wants $20 an hour. How much does she want?"
    solution = "She works 1+2 = <<1+2=3>>3 hours.\nShe wants $20/hour * 3 hours = $<<20*3=60>>60.\n#### 60"
    made = [row for row in asked(question, solution) if "x" in row["solution"]]
    assert made
    for row in made:
        assert not re.search(r"\* x \+ 1|x \+ 1 hours = ", row["solution"].split("\n")[1])


def test_a_sum_in_x_is_bracketed_before_a_times_sign_written_as_x():
    question = "Sam buys 48 bags for $500. He sells 17 for $18 each, 10 for $25 each and the rest for $22 each. What does he gain?"
    solution = (
        "He gets 17 bags x $18/bag = $<<17*18=306>>306.\nThen 10 bags x $25/bag = $<<10*25=250>>250.\n"
        "That is 17 bags + 10 bags = <<17+10=27>>27 bags.\nLeft are 48 bags - 27 bags = <<48-27=21>>21 bags.\n"
        "They give 21 bags x $22/bag = $<<21*22=462>>462.\nHe gets $306 + $250 + $462 = $<<306+250+462=1018>>1018.\n"
        "He gains $1018 - $500 = $<<1018-500=518>>518.\n#### 518"
    )
    made = [row["solution"] for row in asked(question, solution) if "31 - x" in row["solution"]]
    assert made
    for text in made:
        assert "They give (31 - x) bags * $22/bag" in text


def test_a_number_split_in_the_head_is_not_mistaken_for_another_of_its_value():
    question = (
        "Amy sees 35 minutes of a film and winds back, which adds 5 minutes. She sees 45 minutes more. Then she sees the "
        "last 20 minutes. She winds back again, adding 15 minutes. How many minutes does it take her?"
    )
    solution = (
        "The film is 20 minutes + 15 minutes + 45 minutes + 20 minutes = <<20+15+45+20=100>>100 minutes.\n"
        "Winding adds 5 minutes + 15 minutes = <<5+15=20>>20 minutes.\nIt takes 100 + 20 = <<100+20=120>>120 minutes.\n"
        "#### 120"
    )
    for row in asked(question, solution):
        assert "last x" not in row["problem"]
        assert "adding x" not in row["problem"]
    for row in varied(question, solution):
        assert "last 20 minutes" in row["problem"]
        assert "adding 15 minutes" in row["problem"]


def test_a_share_that_the_solution_says_in_words_stays():
    question = "A firm with 80 workers hires 25% more. How many workers has it now?"
    solution = (
        "A quarter of the workers equals 80*25/100 = <<80*25/100=20>>20 workers.\n"
        "Now there are 80+20 = <<80+20=100>>100 workers.\n#### 100"
    )
    made = varied(question, solution)
    assert made
    assert all("25%" in row["problem"] for row in made)


def test_a_count_that_the_solution_adds_out_stays():
    question = "Nora has two dogs that gave birth to 10 puppies each. She sells 4 of the puppies. How many are left?"
    solution = "If the two dogs had 10 puppies each, there were 10+10 = <<10+10=20>>20.\n20-4 = <<20-4=16>>16 are left.\n#### 16"
    made = varied(question, solution)
    assert made
    assert all("two dogs" in row["problem"] for row in made)


def test_the_sides_of_an_octagon_are_no_number_of_the_question():
    question = "Tia draws 8 squares and 3 octagons. How many sides does she draw?"
    solution = (
        "The squares have 8*4 = <<8*4=32>>32 sides.\nThe octagons have 3*8 = <<3*8=24>>24 sides.\n"
        "She draws 32+24 = <<32+24=56>>56 sides.\n#### 56"
    )
    for row in varied(question, solution):
        assert "*8 = " in row["solution"].splitlines()[1]


def test_the_wheels_of_a_tricycle_stay():
    question = "Ray has one unicycle, a tricycle, and bikes. They have 3 times as many tires as the 4 tires of a car. How many bikes are there?"
    solution = "There are 3*4 = <<3*4=12>>12 tires.\nThe bikes have 12-1-3 = <<12-1-3=8>>8 tires.\nThat is 8/2 = <<8/2=4>>4 bikes.\n#### 4"
    for row in varied(question, solution):
        assert "-1-3 = " in row["solution"]


def test_a_number_that_is_told_as_the_sum_of_others_stays_their_sum():
    question = "A class of 8 boys has an average of 90 points and 6 girls have 104 points on average. What is the average of all 14 children?"
    solution = (
        "The boys have 8*90 = <<8*90=720>>720 points.\nThe girls have 6*104 = <<6*104=624>>624 points.\n"
        "Together 720+624 = <<720+624=1344>>1344 points.\nThe average is 1344/14 = <<1344/14=96>>96 points.\n#### 96"
    )
    for row in varied(question, solution):
        boys, _, girls, _, children = map(int, numbers(row["problem"]))
        assert boys + girls == children


def test_a_count_of_things_that_are_listed_stays():
    question = (
        "Ivo painted 9 stones red. He split the other 21 stones into 3 equal heaps and painted them white, yellow, and green. "
        "How many more red than green stones are there?"
    )
    solution = "Each heap has 21/3 = <<21/3=7>>7 stones.\nThat is 9-7 = <<9-7=2>>2 more.\n#### 2"
    made = list(varied(question, solution))
    assert made
    assert all("into 3 equal heaps" in row["problem"] for row in made)


def test_a_number_that_only_the_prose_names_stays():
    question = (
        "There are four lamps in the hall. All of them are broken. Kim needs 3 small bulbs and 1 large bulb. She has $60. "
        "If small bulbs cost $8 and large bulbs cost $12, how much money is left?"
    )
    solution = (
        "She spends 3*$8=$<<3*8=24>>24 on small bulbs.\nIn total she spends $24+$12=$<<24+12=36>>36 on the 4 bulbs.\n"
        "She has $60-$36=$<<60-36=24>>24 left.\n#### 24"
    )
    made = list(varied(question, solution))
    assert made
    assert all("four lamps" in row["problem"] and "3 small bulbs" in row["problem"] for row in made)


def test_a_share_that_stands_for_one_of_four_holds_the_four():
    question = (
        "Bo bought 8 treats and an additional 2 toys. He also got 14 bones. He had to split the charges equally across 4 "
        "credit cards. How many items were included in each charge?"
    )
    solution = (
        "Bo got 8+2=<<8+2=10>>10 things.\nAfter adding the bones he had 10+14=<<10+14=24>>24 things.\n"
        "He needed to split the charges across 4 cards, so each charge had 24*.25 = <<24*.25=6>>6 items.\n#### 6"
    )
    assert all("4 credit cards" in row["problem"] for row in varied(question, solution))


def test_a_number_that_is_added_as_often_as_it_says_stays():
    question = "A room costs $40 per night per person. Una and two of her friends stayed for three nights. What did they pay together?"
    solution = (
        "If each of them stayed 3 nights, one pays $40/night * 3 nights = $<<40*3=120>>120\n"
        "Since they were three, together they paid $120 + $120 + $120 = $<<120+120+120=360>>360\n#### 360"
    )
    made = list(varied(question, solution))
    assert made
    assert all("for three nights" in row["problem"] for row in made)
    assert not any("they were x" in row["solution"] for row in asked(question, solution))


def test_a_solution_that_goes_on_with_another_value_than_its_own_is_not_used():
    question = (
        "Five crates hold 25 pears each. 5 pears are eaten. The rest goes into bags of 15. How many bags are there?"
    )
    solution = "There are 5*25 = <<5*25=125>>125 pears.\nThen 150-5 = <<150-5=145>>145 are left.\nSo 120/15 = <<120/15=8>>8 bags.\n#### 8"
    assert not list(varied(question, solution))
    assert not list(asked(question, solution))


def test_a_number_told_that_is_not_the_one_added_is_not_used():
    question = "Zed has 3 figs and a number of dates equal to the figs plus 6. How many dates does he have?"
    solution = "Find the dates by adding 7 to the figs: 3+6 = <<3+6=9>>9 dates.\n#### 9"
    assert not list(varied(question, solution))


@pytest.mark.parametrize(
    ("question", "solution", "most"),
    [
        (
            "When Lou is 10 his dad is four times his age. How old is his dad?",
            "When Lou is 10 his dad is 10*4 = <<10*4=40>>40 years old.\n#### 40",
            64,
        ),
        (
            "Cleo is 66 inches tall. Her brother is half as tall. How tall is he?",
            "He is 66/2 = <<66/2=33>>33 inches tall.\n#### 33",
            42,
        ),
    ],
)
def test_people_do_not_grow_beyond_belief(question, solution, most):
    made = list(varied(question, solution))
    assert made
    assert all(int(row["answer"]) <= most for row in made)


def test_a_sum_in_x_is_bracketed_before_unit_words_and_a_division():
    question = "A salon buys 33 cans a day, 5 of them as a reserve. Every guest gets 2 cans. How many guests come?"
    solution = (
        "For the guests there are 33 cans - 5 cans = <<33-5=28>>28 cans of hair spray.\n"
        "So 28 cans of hair spray / 2 cans of hair spray per guest = <<28/2=14>>14 guests come.\n#### 14"
    )
    made = [row["solution"] for row in asked(question, solution)]
    assert any("So (33 - x) cans of hair spray / 2 cans" in text for text in made)
    assert not any(re.search(r"(?<!\()\b(?:33 - x|x - 5) cans of hair spray /", text) for text in made)


def test_a_sum_in_x_is_bracketed_before_a_spoken_sign():
    question = "Gil has 3 hours. His maths takes 45 minutes and his essay 50 minutes. How much time is left?"
    solution = (
        "He has 180 minutes because 3 times 60 equals <<3*60=180>>180.\n"
        "He needs 95 minutes because 45 plus 50 equals <<45+50=95>>95.\n"
        "He has 85 minutes left because 180 minus 95 equals <<180-95=85>>85.\n#### 85"
    )
    made = [row["solution"] for row in asked(question, solution)]
    assert any("180 minus (x + " in text for text in made)
    assert not any(re.search(r"minus x \+", text) for text in made)


def test_a_unit_that_is_glued_to_the_number_is_set_apart_from_x():
    question = "A shop gets 150 cartons of 250ml of milk. How many ml of milk are that?"
    solution = "The cartons hold 150*250 = <<150*250=37500>>37500ml of milk.\n#### 37500"
    made = [row["problem"] for row in asked(question, solution)]
    assert any("of x ml of milk" in text for text in made)
    assert not any("xml" in text for text in made)


def test_a_third_that_is_only_said_in_the_solution_gives_three_away():
    question = "The third rope is 3 times as long as the first. It is 27 feet long. How long is the first?"
    solution = "The first is a third of the third one, so it is 27/3 = <<27/3=9>>9 feet long.\n#### 9"
    for row in asked(question, solution):
        start, end = row["mask"]
        assert question[start:end] != "3"


def test_a_number_told_before_its_reason_is_the_result_of_the_reason():
    question = (
        "Kai breaks 2 strings a night on 6 nights a week. A set of 12 strings costs $5. What does he pay for 3 weeks?"
    )
    solution = (
        "He breaks 12 strings a week because 2 * 6 = <<2*6=12>>12.\nThat is one set a week because 12 / 12 = <<12/12=1>>1.\n"
        "He pays $15 because 3 * 5 = <<3*5=15>>15.\n#### 15"
    )
    graph = tie(question, solution)
    told = next(x for x in graph.solution.slots if x.step < 0 and x.value == 12)
    assert told.sources == [("r", 0)]


def test_equal_factors_keep_their_own_words():
    question = "A house has 12 floors. Half of the floors have 6 flats and the other half have 5 flats. How many flats are there?"
    solution = (
        "Half of them are 12 floors / 2 = <<12/2=6>>6 floors.\nOne half has 6 floors * 6 flats/floor = <<6*6=36>>36 flats.\n"
        "The other has 6 floors * 5 flats/floor = <<6*5=30>>30 flats.\nTogether that is 36+30 = <<36+30=66>>66 flats.\n#### 66"
    )
    made = list(varied(question, solution))
    assert made
    for row in made:
        floors = re.search(r"has (\d+) floors\.", row["problem"])[1]
        assert all(int(n) * 2 == int(floors) for n in re.findall(r"has (\d+) floors \*", row["solution"]))


def test_a_running_equation_that_is_false_as_a_whole_is_not_used():
    question = (
        "Ed has 3 bottles. He drinks 90% of one bottle and 70% of the other two. What percentage of a bottle is left?"
    )
    solution = (
        "He drank 1*.9 = <<1*.9=.9>>.9 bottles.\nThen he drank 2*1*.7 = <<2*1*.7=1.4>>1.4 bottles.\n"
        "So 3 bottles - .9 bottles - 1.4 bottles = .7 bottles * 100% = 70% is left.\n#### 70"
    )
    with pytest.raises(Unsupported):
        tie(question, solution)


def test_a_month_has_no_thirty_five_days():
    question = "Ada works 24 days a month and earns $9 a day. What does she earn in 6 months?"
    solution = "She earns 24*9 = $<<24*9=216>>216 a month.\nThat is 216*6 = $<<216*6=1296>>1296.\n#### 1296"
    made = list(varied(question, solution))
    assert made
    assert all(int(numbers(row["problem"])[0]) <= 31 for row in made)


def test_a_number_left_without_use_is_not_taken_for_a_result():
    question = (
        "The first pile has 7 bricks. The second has 3 bricks more. The third has 6 fewer than the second and the last "
        "has 10 bricks more than the third. How many bricks has the last pile?"
    )
    solution = (
        "The second has 7 bricks + 3 bricks = <<7+3=10>>10 bricks.\nThe third has 10 bricks - 6 bricks = <<10-6=4>>4 bricks.\n"
        "The last has 4 bricks + 10 bricks = <<4+10=14>>14 bricks.\n#### 14"
    )
    for row in varied(question, solution):
        last = re.search(r"last has (\d+) bricks more", row["problem"])[1]
        assert re.search(rf"\+ {last} bricks", row["solution"].splitlines()[2])


def test_minutes_are_no_dollars():
    question = (
        "Jo walks dogs for 4 hours. She gets $20 for each of 6 long walks, which take 2 hours in all, and $15 for a walk "
        "of 30 minutes. How much does she earn?"
    )
    solution = (
        "She makes $20*6 = $<<20*6=120>>120.\nThus she has 4-2 = <<4-2=2>>2 hours left.\nThat is 120 minutes.\n"
        "So she walks 120/30 = <<120/30=4>>4 more.\nThey bring $15*4 = $<<15*4=60>>60.\n"
        "In all she earns $120+$60 = $<<120+60=180>>180.\n#### 180"
    )
    with pytest.raises(Unsupported):
        tie(question, solution)


@pytest.mark.parametrize(
    ("question", "solution"),
    [
        pytest.param(
            "Three kids are 35 years old together. Max is two years older than Bo and four years younger than Kim. How old is Max?",
            "Let A be the age of Max.\nTogether they are A + A - 2 + A + 4 = 3A + 2 = 35 years old.\nTherefore, 3A = 35 - 2 = 33.\n"
            "Max is A = 33 / 3 = <<33/3=11>>11 years old.\n#### 11",
            id="equations of an unknown",
        ),
        pytest.param(
            "A keyboard lacks 1/7 of the consonants and two vowels. How many keys are lacking? There are 5 vowels and 21 "
            "consonants in the alphabet.",
            "It lacks 21*1/7 = <<21*1/7=3>>3 consonants.\nThat is 3+2 = <<3+2=5>>5 keys.\n#### 5",
            id="the alphabet",
        ),
    ],
)
def test_what_is_said_besides_the_steps_is_never_made_false(question, solution):
    for row in varied(question, solution):
        assert "3A" not in row["solution"]
        assert "alphabet" not in row["problem"]


def test_a_ratio_and_the_sum_of_two_numbers_stay_true():
    question = (
        "A drink takes 20 red apples and 40 green apples. Pickers bring 480 apples, in the ratio of red to green apples "
        "1:2. How many drinks can be made?"
    )
    solution = "A drink takes 20+40 = <<20+40=60>>60 apples.\nSo there are 480/60 = <<480/60=8>>8 drinks.\n#### 8"
    for row in varied(question, solution):
        red, green = (int(n) for n in numbers(row["problem"])[:2])
        assert green == 2 * red
    question = (
        "An 8-ounce glass holds 6.5 ounces of milk and 1.5 ounces of syrup. Bo has 130 ounces of milk and 60 ounces of "
        "syrup. How many ounces does he drink?"
    )
    solution = (
        "The milk fills 130/6.5 = <<130/6.5=20>>20 glasses.\nThe syrup fills 60/1.5 = <<60/1.5=40>>40 glasses.\n"
        "He drinks 20*8 = <<20*8=160>>160 ounces.\n#### 160"
    )
    for row in varied(question, solution):
        glass, milk, syrup = (float(n) for n in numbers(row["problem"])[:3])
        assert glass == milk + syrup


def test_no_day_has_thirty_five_hours_and_no_mark_is_above_a_hundred():
    question = "Ira watched 4 hours on Tuesday and 9 hours on Monday of a show of 32 hours. How many hours did he watch on Friday?"
    solution = (
        "He watched 9+4 = <<9+4=13>>13 hours before.\nSo on Friday he watched 32-13 = <<32-13=19>>19 hours.\n#### 19"
    )
    assert all(float(row["answer"]) <= 24 for row in varied(question, solution))
    question = "Kay got scores of 90, 98 and 92. What score does she need on the 4th quiz for an average of 94?"
    solution = (
        "She needs 94*4 = <<94*4=376>>376 points.\nShe has 90+98+92 = <<90+98+92=280>>280 points.\n"
        "So she needs 376-280 = <<376-280=96>>96.\n#### 96"
    )
    made = list(varied(question, solution))
    assert all(float(row["answer"]) <= 100 for row in made)


def test_people_of_two_kinds_do_not_change_together():
    question = (
        "Tickets cost $12 for adults and $10 for children. Pia takes her mom, dad, grandma and three little sisters. What "
        "do the tickets cost?"
    )
    solution = (
        "The 3 adults cost 3 adults * $12/adult = $<<3*12=36>>36.\nThe 3 children cost 3 children * $10/child = $<<3*10=30>>30.\n"
        "Together that is $36+$30 = $<<36+30=66>>66.\n#### 66"
    )
    assert all("three little sisters" in row["problem"] for row in varied(question, solution))


def test_a_count_of_those_who_were_told_of_is_not_masked_with_another_number():
    question = (
        "Ann has 3 sticks. One stick is 3 centimeters long. The second stick is twice as long and the third stick is 1 "
        "centimeter shorter than the second. How long are they together?"
    )
    solution = (
        "The second stick is 3*2 = <<3*2=6>>6 centimeters long.\nThe third is 6-1 = <<6-1=5>>5 centimeters long.\n"
        "Together they are 3+6+5 = <<3+6+5=14>>14 centimeters long.\n#### 14"
    )
    assert not any("x sticks" in row["problem"] for row in asked(question, solution))


def test_the_number_of_named_people_is_no_other_number():
    question = (
        "Jamie and Oliver travel. A ticket costs $24 for each person and a room $12 per person. What do they pay?"
    )
    solution = (
        "They pay $24*2 = $<<24*2=48>>48 for tickets.\nThey pay $12*2 = $<<12*2=24>>24 for rooms.\n"
        "Together that is $48+$24 = $<<48+24=72>>72.\n#### 72"
    )
    made = list(varied(question, solution)) + list(asked(question, solution))
    assert made
    assert all("*2" in row["solution"].replace(" ", "") for row in made)


def test_a_year_has_no_fifty_five_weeks():
    question = "Lea has 2 lessons a week in 36 weeks of school. She missed 3 lessons. How many lessons had she?"
    solution = "There are 36*2 = <<36*2=72>>72 lessons.\nShe had 72-3 = <<72-3=69>>69 of them.\n#### 69"
    made = list(varied(question, solution))
    assert made
    assert all(int(re.search(r"(\d+) weeks", row["problem"])[1]) <= 52 for row in made)


def test_what_a_unit_is_equal_to_stays():
    question = (
        "Ajax is 80 kilograms. He loses 20 pounds. If 1 kilogram is equal to 2.2 pounds, how many pounds is he then?"
    )
    solution = "He is 80*2.2 = <<80*2.2=176>>176 pounds.\nThen he is 176-20 = <<176-20=156>>156 pounds.\n#### 156"
    made = list(varied(question, solution))
    assert made
    assert all("equal to 2.2 pounds" in row["problem"] for row in made)


def test_a_trio_is_not_masked_with_another_three():
    question = "An orchestra has 3 violinists, a cellist, a trio of clarinets and 4 flutes. How many players are there?"
    solution = (
        "The strings are 3+1 = <<3+1=4>>4.\nThe others are 3+4 = <<3+4=7>>7.\nAll are 4+7 = <<4+7=11>>11.\n#### 11"
    )
    assert not any("x violinists" in row["problem"] for row in asked(question, solution))


@pytest.mark.parametrize(
    "filler",
    ["." * 9000, "x+" * 4000, "3.x=" * 2000, "x = " * 2000 + "." * 1000, "Al, Bo, Cy and " * 600, "ratio 1:" * 1100,
     "Monday, Tuesday, and " * 400, "A B C D " * 1100, "equal to " * 1000],
    ids=lambda filler: filler[:8].strip(),
)  # fmt: skip
def test_hostile_text_costs_bounded_time(filler):
    question = "Ken has 36 bags with 14 pears each. He eats 25 pears. How many pears are left?"
    solution = "He has 36*14 = <<36*14=504>>504 pears.\nSo 504-25 = <<504-25=479>>479 are left.\n"
    started = time.process_time()
    for problem, worked in (
        (f"{filler} {question}"[:10_000], f"{solution}#### 479"),
        (question, f"{filler[:9_800]}\n{solution}#### 479"),
    ):
        try:
            graph = tie(problem, worked)
        except Unsupported:
            continue
        try:
            vary(graph, "1")
        except Unsupported:
            pass
        list(masked_rows(graph, "1", []))
    assert time.process_time() - started < 5
