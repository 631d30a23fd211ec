"""What a leaderboard says is true of whatever numbers it is about: ties, gaps, single methods, chance alone."""

from __future__ import annotations

import re

import numpy as np
import pytest
from compared_boards import ABOUT, ROLES, document, documents, levels

from replications.compare.agreement import agreements
from replications.compare.boards import Board, boards, read_cell
from replications.compare.pairs import compare_pairs
from replications.compare.roles import Roles
from replications.compare.standings import standings
from replications.compare.words import Words, counted, listed, ordinal

PARTS = Roles(**ROLES)
NAN = float("nan")


def words_of(board: Board) -> Words:
    paired = {measure: compare_pairs(board, measure) for measure in board.measures}
    return Words(board, standings(board), paired, agreements(board, PARTS.truths), PARTS)


def small_board(family: str = "generative", **tables: dict[str, np.ndarray]) -> Board:
    """Method by method its values by measure; names of the roles are natural images."""
    found = []
    for name, values in tables.items():
        own = "natural" if name in (PARTS.yardstick, PARTS.floor) else family
        found.append(read_cell(document(name, name.replace("_", " "), own, values), ABOUT))
    return Board("equal", [one for one in found if one])


def choice(level: float, number: int = 0, noise: float = 0.02) -> dict[str, np.ndarray]:
    return levels({"choice": level}, number=number, noise=noise)


def test_the_whole_of_a_clear_case() -> None:
    board = boards([cell for d in documents() if (cell := read_cell(d, ABOUT))])[0]
    said = words_of(board).all()
    about = list(dict.fromkeys(about for about, _ in said))
    assert about == [
        "What is compared",
        "Who is first",
        "Natural images",
        "Families of methods",
        "Which measures deserve trust",
    ]
    text = "\n".join(sentence for _, sentence in said)
    assert "At equal compute: 9 methods, 8 class units and 4 hidden units, 3 seeds." in text
    assert re.search(
        r"By facet recall \(higher is better\) first: natural exemplars, 0\.9\d\d \[0\.8\d+, 0\.9\d+\]; the lead over "
        r"each of the 8 others is established\.",
        text,
    )
    assert "1st of 9 by facet recall, distance to natural images and forced choice; 7th of 9 by diversity." in text
    assert "Against the floor, random images, it is established (the yardstick aside): by facet recall 7 better" in text
    assert "by diversity 0 better and 7 worse of 7." in text
    assert "Activation maximization (2 methods): by facet recall first Olah et al. 2017 with" in text
    assert "all established to be worse than natural exemplars." in text
    assert "Of 4 proxies held against facet recall by rank correlation over methods, 2 to be trusted" in text
    assert "1 not to be trusted, going against it (the whole interval is below 0): transfer (-1.00" in text
    assert "nan" not in text


def test_equal_methods_share_a_place_and_nothing_is_established() -> None:
    alike = choice(0.5)
    first, *_ = words_of(small_board(a=alike, b=alike, c=choice(0.1, 1))).firsts()
    assert "first together: a and b, 0.5" in first
    assert first.endswith("the lead over the other is established.")
    (all_alike,) = words_of(small_board(a=alike, b=alike, c=alike)).firsts()
    assert "all 3 methods that have values stand alike, at 0.5" in all_alike


def test_one_method_alone_is_first_of_nothing() -> None:
    board = small_board(a={**choice(0.5), "diversity": np.full((3, 12), NAN)})
    assert list(words_of(board).firsts()) == [
        f"By forced choice (higher is better) a value of one method alone: a, {words_of(board)._score('choice', 'a')}."
    ]
    assert list(words_of(board).yardstick()) == []
    assert list(words_of(board).floor()) == []
    assert list(words_of(board).proxies()) == []


def test_a_lead_is_told_apart_from_an_established_one() -> None:
    (close,) = words_of(small_board(a=choice(0.5, 0, 0.3), b=choice(0.5, 1, 0.3))).firsts()
    assert re.search(r"the lead over [ab] is not established\.$", close)
    board = small_board(a=choice(0.9), b=choice(0.9, 1), c=choice(0.2, 2), d=choice(0.1, 3))
    (mixed,) = words_of(board).firsts()
    assert re.search(r"first: [ab], .*the lead over [ab] is not established, over the other 2 it is\.$", mixed)
    noisy = {name: choice(0.5, number, 0.5) for number, name in enumerate("abcdefg")}
    (open_,) = words_of(small_board(**noisy)).firsts()
    assert open_.endswith("the lead is established over none of the 6 others.")


def test_why_natural_images_are_not_first_is_said() -> None:
    board = small_board(natural_exemplars=choice(0.5), a=choice(0.9, 1), random_images=choice(0.7, 2), b=choice(0.1, 3))
    _, behind = words_of(board).yardstick()
    assert behind == (
        "By forced choice the yardstick isn't first: before it stand a and random images, which is established for "
        "each; natural images as well: random images."
    )
    chance = small_board(natural_exemplars=choice(0.50, 0, 0.4), a=choice(0.52, 1, 0.4))
    found = list(words_of(chance).yardstick())
    if len(found) == 2:
        assert found[1].endswith("before it stands a, which is not established.")


def test_a_natural_one_that_is_first_by_the_truth_too_is_told_with_its_numbers() -> None:
    better, worse = {"facet_recall": 0.9, "choice": 0.9}, {"facet_recall": 0.4, "choice": 0.5}
    board = small_board(
        natural_exemplars=levels(worse), random_images=levels(better, number=1), a=levels(worse, number=2)
    )
    _, behind = words_of(board).yardstick()
    assert re.fullmatch(
        r"By forced choice the yardstick isn't first: before it stands? random images(, a| and a)?, which is .*; "
        r"natural images as well.*; before the yardstick by facet recall as well, and established: random images \(0"
        r"\.9.* against 0\.4.*\)\.",
        behind,
    )


def test_what_no_number_could_establish_is_said() -> None:
    tables = {name: levels({"choice": number / 10}, units=8, number=number) for number, name in enumerate("abcdefg")}
    (first,) = words_of(small_board(**tables)).firsts()
    assert first.endswith(
        "nothing can be established, for 8 units allow no p-value below 0.0078, and there are 21 pairs to correct for."
    )


def test_gaps_and_missing_roles_leave_sentences_out() -> None:
    gappy = choice(0.9, 1)
    gappy["choice"][:, 1:] = NAN
    board = small_board(a=choice(0.5), gappy=gappy)
    (first,) = words_of(board).firsts()
    assert "first: gappy, 0." in first
    assert "[" not in first.split("gappy, ")[1].split(";")[0]  # one unit has no interval
    assert first.endswith("the lead over a is not established.")  # one unit in common is no test
    assert "nan" not in " ".join(sentence for _, sentence in words_of(board).all())


@pytest.mark.parametrize("seed", range(12))
def test_every_count_and_every_first_is_that_of_the_numbers(seed: int) -> None:
    generator = np.random.default_rng(seed)
    names = [PARTS.yardstick, PARTS.floor, *"abcdef"][: generator.integers(2, 9)]
    tables = {}
    for name in names:
        values = {
            measure: np.round(generator.normal(generator.choice([0.3, 0.5, 0.5]), 0.2, size=(2, 8)), 1)
            for measure in ABOUT
        }
        for table in values.values():
            table[generator.random(table.shape) < generator.choice([0, 0.3, 0.9])] = NAN
        tables[name] = values
    board = small_board(**tables)
    words, table = words_of(board), standings(board)
    titles = {board.measures[m].title: m for m in board.measures}
    for sentence in words.firsts():
        found = re.match(r"By (.+?) \((higher|lower) is better\) first(?: together)?: (.+?), (-?[\d.,]+)", sentence)
        if found is None:
            assert "one method alone" in sentence or "stand alike" in sentence
            continue
        measure = titles[found[1]]
        means = {m: float(np.nanmean(board.values(measure, m))) for m in table[measure]}
        best = (max if found[2] == "higher" else min)(means.values())
        firsts = {board.title(m) for m, mean in means.items() if mean == best}
        assert set(re.split(r", | and ", found[3])) <= firsts | {f"{len(firsts) - 3} more"}
        rest = [m for m, mean in means.items() if mean != best]
        sure = [m for m in rest if all(words.paired[measure].better(f, m) for f in means if means[f] == best)]
        if "nothing can be established" in sentence:
            assert sure == []
        elif "is established." in sentence:
            assert sure == rest
        elif "none of the" in sentence or sentence.endswith("is not established."):
            assert sure == []
        else:
            assert f"over the other {len(sure)} it is" in sentence
    for sentence in words.floor():
        for title, better, worse, of in re.findall(r"by ([^;:]+?) (\d+) better and (\d+) worse of (\d+)", sentence):
            paired = words.paired[titles[title]]
            others = [m for m in board.methods if m not in (PARTS.floor, PARTS.yardstick)]
            tested = [m for m in others if paired.pair(m, PARTS.floor) is not None]
            assert int(of) == len(tested)
            assert int(better) == sum(bool(paired.better(m, PARTS.floor)) for m in tested)
            assert int(worse) == sum(bool(paired.better(PARTS.floor, m)) for m in tested)
    for sentence in words.proxies():
        found = re.match(r"Of (\d+) prox(?:y|ies) held against (.+?) by .*?, (\d+) ", sentence)
        assert found is not None
        held = [a for a in words.agreements if a.other == titles[found[2]] and not np.isnan(a.interval.estimate)]
        assert int(found[1]) == len(held)
        assert 0 < int(found[3]) <= len(held)
        assert len(re.findall(r"\(-?\d\.\d\d \[", sentence)) == int(found[3])
    assert "nan" not in " ".join(sentence for _, sentence in words.all())


def test_numbers_in_words() -> None:
    assert [counted(n, "proxy", "proxies") for n in (0, 1, 2)] == ["0 proxies", "1 proxy", "2 proxies"]
    assert [listed(list(names)) for names in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 21, 112)] == [
        "1st",
        "2nd",
        "3rd",
        "4th",
        "11th",
        "12th",
        "21st",
        "112th",
    ]
