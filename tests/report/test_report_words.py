"""Names from models and data inside of our own sentences."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from bayescompare.report.words import Name, listed, mark, name, plain_text, visible


def test_what_cannot_be_seen_is_written_out() -> None:
    assert visible("a\x07b") == "a\\x07b"
    assert visible("abc\u202edef") == "abc\\u202edef"
    assert visible("a\u2028b\ud800\ufeff") == "a\\u2028b\\ud800\\ufeff"
    assert visible("a\nb", keep="\n") == "a\nb"
    assert visible("שלום עולם é ß 學校 👩\u200d🔬") == "שלום עולם é ß 學校 👩\u200d🔬"
    assert name("").text == "(empty)"


@given(st.text())
def test_nothing_hidden_is_left(text: str) -> None:
    found = visible(text).replace("\u200c", "").replace("\u200d", "")
    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in found)


def test_names_are_marked_where_they_stand_alone() -> None:
    words = mark("The MAP sets tau to 0; tau[1] and tau_2 are others.", ["tau", "tau[1]"])
    assert [part.text for part in words if isinstance(part, Name)] == ["tau", "tau[1]"]
    assert plain_text(words) == "The MAP sets tau to 0; tau[1] and tau_2 are others."


def test_the_longest_name_wins_and_odd_names_are_no_pattern() -> None:
    words = mark("theta[a.b (c)] is off", ["theta", "theta[a.b (c)]", ".*"])
    assert words[0] == Name("theta[a.b (c)]")


def test_figures_keep_their_errors() -> None:
    assert mark("z = −1.14 ± 0.04", []) == ("z = −1.14\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.04",)


def test_lists() -> None:
    assert plain_text(listed(["a"])) == "a"
    assert plain_text(listed(["a", name("b"), "c"])) == "a, b and c"
    assert listed([]) == ()
