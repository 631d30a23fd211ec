"""The page as a browser shows it: it fits, sorts, filters and tells the tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from compared_boards import documents
from compared_results import Outcomes, leaderboard, record, results_of

from replications.compare.page import leaderboard as write_leaderboard
from replications.suite import ledger
from replications.suite.report.write import write
from replications.suite.verdicts import judge

sys.path.append(str(Path(__file__).parents[1] / "suite"))

from browser import Page, browser, executable

pytestmark = pytest.mark.skipif(executable() is None, reason="needs Chromium or Chrome")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("compared")
    told = documents(published=True)
    record(folder, told, leaderboard().run(Outcomes(told)))  # type: ignore[arg-type]
    results, reported = results_of(folder), ledger.load("compare")
    write(
        reported,
        "laptop",
        results,
        judge(reported, results, "laptop"),
        folder / "page",
        {},
        writers=[write_leaderboard],
    )
    return folder / "page" / "leaderboard.html"


@pytest.fixture(scope="module")
def tab() -> Iterator[Page]:
    with browser() as page:
        yield page


NAMES = (
    "[...document.querySelector('table.board').tBodies[0].rows].filter(r => !r.hidden)"
    ".map(r => r.cells[0].firstChild.textContent)"
)


def click(name: str) -> str:
    """JavaScript that clicks the head of a column of the first table and gives the methods' names."""
    return (
        "(() => { const heads = [...document.querySelector('table.board').tHead.rows[0].cells];"
        f"heads.find(h => h.textContent.startsWith('{name}')).querySelector('button').click(); return {NAMES}; }})()"
    )


@pytest.mark.parametrize("width", [1100, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_and_complains_of_nothing(tab: Page, path: Path, width: int, dark: bool) -> None:
    tab.open(path, width, dark=dark)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") is not dark
    assert tab.complaints == []
    loaded = "[...document.querySelectorAll('.wide img')].every(image => image.complete && image.naturalWidth > 0)"
    assert tab.evaluate(loaded)


def test_a_click_on_a_head_sorts_best_first_and_then_the_other_way(tab: Page, path: Path) -> None:
    tab.open(path, 1100)
    first = tab.evaluate(click("diversity"))
    assert first[0] == "random images"
    assert tab.evaluate(click("diversity")) == first[::-1]
    by_distance = tab.evaluate(click("distance to natural"))
    assert by_distance[0] == "natural exemplars"
    assert tab.evaluate(click("method")) == sorted(first, key=str.lower)
    assert tab.evaluate("document.querySelectorAll('table.board [aria-sort]').length") == 1


def test_families_settings_and_measures_can_be_chosen(tab: Page, path: Path) -> None:
    tab.open(path, 1100)
    box = "document.querySelector('input[value={0}]')"
    tab.evaluate(box.format("natural") + ".click()")
    assert not set(tab.evaluate(NAMES)) & {"natural exemplars", "drawn natural images", "random images"}
    assert "PPGN-h" in tab.evaluate(NAMES)
    tab.evaluate(box.format("published") + ".click()")
    seen = "[...document.querySelectorAll('section.setting')].filter(s => s.offsetHeight > 0).map(s => s.id)"
    assert tab.evaluate(seen) == ["equal"]
    transfer = "[...document.querySelectorAll('#equal th.more')].some(head => head.offsetWidth > 0)"
    assert not tab.evaluate(transfer)
    tab.evaluate("document.querySelector('input[name=all]').click()")
    assert tab.evaluate(transfer)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 1100


def test_the_matrix_tells_every_pair_of_the_chosen_measure(tab: Page, path: Path) -> None:
    tab.open(path, 1100)
    row = "[...document.querySelectorAll('#equal table.pairs tbody tr')][0]"
    better = f"[...{row}.cells].map(cell => cell.textContent).slice(1)"
    assert tab.evaluate(better) == ["", *["▲"] * 8]
    tab.evaluate(f"{row}.cells[2].click()")
    told = tab.evaluate("document.querySelector('#equal .told').textContent")
    assert told.startswith("natural exemplars less ")
    assert "corrected p 0.0" in told
    change = (
        "(() => { const choice = document.querySelector('#equal select'); choice.value = '3';"
        f"choice.dispatchEvent(new Event('change')); return {better}; }})()"
    )
    assert "▼" in tab.evaluate(change)  # by diversity natural exemplars are behind
