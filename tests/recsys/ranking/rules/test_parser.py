"""Rule parser: valid rules are read, and faults are reported with their line."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.errors import BadRules
from recsys.ranking.rules.parser import RulesIn, parse_rules, to_toml

PLACEMENTS = ("home", "basket")
GOOD = """\
timezone = "Europe/Berlin"

[[rules]]
id = "milk-week"
kind = "boost"
factor = 3
categories = ["MILK"]
segment = { age = ["35-44"], kids = 2 }
from = 2026-05-01
until = 2026-05-03T20:00:00
days = ["fri", "sat"]
hours = ["08:00-12:00", "22:00-02:00"]
reason = "The dairy pays for it"

[[rules]]
id = "two-per-brand"
kind = "cap"
per = "brand"
most = 2
reason = "No list of one brand"

[[rules]]
id = "off"
on = false
kind = "block"
items = ["a"]
reason = "Kept for later"
"""


def refusal(text: str) -> BadRules:
    with pytest.raises(BadRules) as caught:
        parse_rules(text, PLACEMENTS)
    return caught.value


def test_a_good_file_is_read_whole_and_what_is_off_does_nothing() -> None:
    rules = parse_rules(GOOD, PLACEMENTS)
    assert [rule.id for rule in rules.rules] == ["milk-week", "two-per-brand"]
    milk = rules.rules[0]
    assert (milk.factor, milk.target.categories, milk.segment) == (3.0, ("MILK",), {"age": ("35-44",), "kids": (2.0,)})
    assert milk.times.hours == ((480, 720), (1320, 120))
    assert (milk.times.until_ms or 0) - (milk.times.from_ms or 0) == (2 * 24 + 20) * 3_600_000
    assert rules.is_timed
    assert rules.uses_segments


def test_an_empty_text_has_no_rules() -> None:
    assert not parse_rules("", PLACEMENTS)


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("factor = 3", "factor = 30", 6, "less than or equal to 10"),
        ("factor = 3", "factr = 3", 6, "no such field; did you mean 'factor'?"),
        ("factor = 3", "", 3, "needs it"),
        ("factor = 3", "factor = 3\nslot = 1", 7, "says nothing in a rule of kind boost"),
        ('kind = "boost"', 'kind = "boots"', 5, "Input should be 'block', 'boost'"),
        ('["fri", "sat"]', '["friday"]', 11, "Input should be 'mon'"),
        ("08:00-12:00", "08:00", 12, "use such as 17:00-20:00"),
        ("08:00-12:00", "08:00-25:00", 12, "use such as 17:00-20:00"),
        ("08:00-12:00", "08:00-08:00", 12, "begins where it ends"),
        ("2026-05-03T20:00:00", "2026-04-01", 10, "is not after `from`"),
        ("2026-05-03T20:00:00", '"soon"', 10, "use 2026-05-01"),
        ("from = 2026-05-01", "from = 2026-13-01", 9, "not valid TOML"),
        ("Europe/Berlin", "Europe/Atlantis", 1, "no time zone"),
        ('per = "brand"', 'per = "bran"', 18, "no attribute 'bran'"),
        ("most = 2", "most = 0", 19, "greater than or equal to 1"),
        ('categories = ["MILK"]', 'placements = ["hoem"]\ncategories = ["MILK"]', 7, "did you mean 'home'"),
        ('categories = ["MILK"]', "", 5, "needs items, categories, brands or where"),
        ('id = "off"', 'id = "milk-week"', 4, "stands twice"),
        ('id = "off"', 'id = "o f"', 23, "should match pattern"),
        ('items = ["a"]', "items = [1]", 26, "valid string"),
        ('reason = "Kept for later"', "", 22, "Field required"),
        ("[[rules]]\nid = \"off\"", "[[rule]]\nid = \"off\"", 22, "no such field; did you mean 'rules'?"),
        ("from = 2026-05-01", "from = 5", 9, "valid date, not 5"),
        ('id = "off"', 'id = off"', 23, "not valid TOML"),
    ],
)  # fmt: skip
def test_a_fault_is_reported_with_its_line(old: str, new: str, line: int, problem: str) -> None:
    fault = refusal(GOOD.replace(old, new, 1)).faults[0]
    assert (fault.line, problem in fault.problem) == (line, True), fault


@pytest.mark.parametrize(
    ("text", "line"),
    [('# mine\n[[rules]]\nitems = ["a"', 3), ('\nrules = [\n{id = "a", kind = "block", items = ["b"]},\n]', 2)],
)
def test_a_fault_outside_a_table_has_a_line_too(text: str, line: int) -> None:
    assert [fault.line for fault in refusal(text).faults] == [line]


def test_every_fault_is_named_and_not_only_the_first() -> None:
    error = refusal(GOOD.replace("factor = 3", "").replace("most = 2", ""))
    assert [(fault.entry, fault.field) for fault in error.faults] == [
        ("milk-week", "factor"),
        ("two-per-brand", "most"),
    ]
    assert "line 3" in str(error)


def test_a_text_beyond_all_bounds_is_refused() -> None:
    assert "at most" in str(refusal("#" * 1_000_001))
    assert "not valid TOML" in str(refusal("a = " + "[" * 100_000))


@settings(max_examples=25)
@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=30))
def test_rules_of_json_are_written_as_toml_that_reads_the_same(word: str) -> None:
    rule = {
        "id": "a",
        "kind": "block",
        "reason": word,
        "items": [word],
        "from": "2026-05-01",
        "segment": {word: [word]},
    }
    text = to_toml(RulesIn.model_validate({"rules": [rule]}))
    read = parse_rules(text, PLACEMENTS).rules[0]
    assert (read.reason, read.target.items, dict(read.segment)) == (word, (word,), {word: (word,)})


def test_conditions_in_a_rule_are_read_and_wrong_ones_refused_with_their_line() -> None:
    rule = '[[rules]]\nid = "a"\nkind = "block"\nreason = "Cheap"\nwhere = '
    text = rule + '{ price = { lt = 5 }, colour = ["red", "blue"] }\n'
    where = parse_rules(text, PLACEMENTS).rules[0].target.where
    assert where is not None
    assert where.text == '{"and":[{"attributes.colour":{"in":["blue","red"]}},{"price":{"lt":5.0}}]}'
    again = to_toml(RulesIn.model_validate({"rules": [{"id": "a", "kind": "block", "reason": "r", "where": {"x": 1}}]}))
    assert parse_rules(again, PLACEMENTS).rules[0].target.where is not None
    for wrong, message in (
        ("{ price = { les = 5 } }", "no operator"),
        ("{ age_days = { lt = 5 } }", "no place in rules"),
    ):
        fault = refusal(rule + wrong).faults[0]
        assert (fault.line, message in fault.problem) == (5, True)


@pytest.mark.parametrize(
    "text",
    [
        "a." * 200_000 + "a = 1",
        "[" + '"a".' * 100_000 + "a]",
        "x = 1\n[[" + "a . " * 100_000 + "a]]",
        "a = 1" * 200_000,
        "a" * 1_000_000,
        "a " * 500_000,
        "a." * 30 + '"' * 900_000,
        "a = " + "1" * 100_000,
        "".join(f"[[rules]]\nid = 'r{n}'\nx{n} = 1\n" for n in range(20_000)),
        "[[rules]]\n" + "".join(f"x{n} = 1\n" for n in range(80_000)),
    ],
)
def test_a_text_that_is_made_to_take_long_is_refused_soon(text: str) -> None:
    started = time.process_time()
    fault = refusal(text)
    assert len(fault.faults) <= 200
    assert time.process_time() - started < 10.0


def test_dots_in_texts_and_in_short_keys_are_read() -> None:
    text = GOOD.replace("Kept for later", "a.b.c " * 60)
    assert len(parse_rules(text, PLACEMENTS).rules) == 2
