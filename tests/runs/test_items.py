"""Items of a comparison: names, classes in files, options from the right, and commas."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.runs.items import split_item, split_list
from feedbackalign.runs.sweep import plan


@pytest.mark.parametrize("item, expected", [
    ("bp", ("bp", {})), ("pfa:expansion=2", ("pfa", {"expansion": 2})),
    ("my_rule.py:MyRule:rank=2:density=0.5", ("my_rule.py:MyRule", {"rank": 2, "density": 0.5})),
    (r"C:\x\my_rule.py:MyRule", (r"C:\x\my_rule.py:MyRule", {})),
    (r"C:\x\my_rule.py:MyRule:kind=a=b", (r"C:\x\my_rule.py:MyRule", {"kind": "a=b"})),
    ("a=b.py:MyRule", ("a=b.py:MyRule", {})), ("x/lr=1:2.py:MyRule", ("x/lr=1:2.py:MyRule", {})),
    ("wm:mirror-rate=0.1", ("wm", {"mirror_rate": 0.1})), ("hep:mode=tangent", ("hep", {"mode": "tangent"})),
    ("dfc:own_rates=true", ("dfc", {"own_rates": True})), ("expansion=2", ("expansion=2", {})),
    ("pfa:Expansion=2", ("pfa:Expansion=2", {})), ("pfa:expansion=", ("pfa:expansion=", {}))])
def test_options_are_split_off_from_the_right(item, expected):
    assert split_item(item) == expected


def test_a_class_passes_through_and_an_option_given_twice_does_not():
    assert split_item(int) == (int, {})
    with pytest.raises(ValueError, match="every option once, got rank twice"):
        split_item("my_rule.py:MyRule:rank=2:rank=3")


words = st.from_regex(r"[a-z][a-z0-9_]*", fullmatch=True)


@given(words, st.dictionaries(words, st.integers(-99, 99)))
def test_what_was_joined_is_split_again_in_the_same_order(rule, options):
    found = split_item(":".join([rule, *(f"{name}={value}" for name, value in options.items())]))
    assert found == (rule, options) and list(found[1]) == list(options)


def test_a_value_that_names_a_file_is_not_split_at_its_commas(tmp_path):
    path = tmp_path / "tried, twice.py"
    item = f"{path}:MyRule:rank=2"
    assert split_list(item) == [f"{tmp_path}/tried", "twice.py:MyRule:rank=2"]
    path.write_text("")
    assert split_list(item) == [item]
    assert split_list(f"bp,{item}") == ["bp", f"{tmp_path}/tried", "twice.py:MyRule:rank=2"]
    assert split_list("bp, fa,") == ["bp", "fa"]


@pytest.mark.parametrize("text", ["", " ", ",", ",bp", "bp,,fa", "bp, ,fa", "bp,,"])
def test_nothing_between_two_commas_is_refused(text):
    with pytest.raises(ValueError, match=f"^rules: expected something between the commas, got '{text}'$"):
        plan(text)
