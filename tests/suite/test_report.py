"""The page: what it says, that nothing in it is taken for markup, and how a browser shows it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Page, browser, executable
from PIL import Image

from replications.suite.interface import Evidence, Measurement, Table
from replications.suite.ledger import Ledger, load
from replications.suite.report.write import MOST_ROWS, write
from replications.suite.result import ExperimentResult, Provenance, StoredOutcome, StoredPicture
from replications.suite.verdicts import judge

SCRIPT = "<script>alert('x')</script>"


def stored(folder: Path, name: str, width: int, height: int) -> StoredPicture:
    folder.mkdir(parents=True, exist_ok=True)
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    Image.fromarray(np.stack([across, down, 255 - across], axis=-1).astype(np.uint8)).save(folder / f"{name}.png")
    return StoredPicture(name, f"Maps {SCRIPT} & more", "What is drawn, in words.", f"{name}.png", None, width, height)


def evidence(claim: str, low: float, high: float, **fields: Any) -> Evidence:
    statistic = "mean difference in the share of one class, layer 5 minus layer 2; 95 % cluster bootstrap"
    return Evidence(claim, statistic, (low + high) / 2, low, high, "share", 48, "map", **fields)


def results(folder: Path) -> list[ExperimentResult]:
    """One experiment of each status, with long words, wide tables and markup in every text."""
    config = {"network": {"_target_": "replications.networks.load.zfnet", "note": SCRIPT}}
    made = Provenance(
        config, {}, "0" * 40, True, {"torch": "2.11"}, "cpu, 2 threads", 2, 83.4, 2**31, None, "replicate"
    )
    ended: dict[str, Any] = {
        "provenance": made,
        "command": "replicate paper=zeiler profile=laptop network=zfnet_small seed=0",
    }
    fig2 = StoredOutcome(
        measurements=(
            Measurement("purity/layer 5", [0.5, 0.7, 0.9], "share of one class", "map", "higher"),
            Measurement(f"purity/{SCRIPT}", [0.5], "share", "map"),
        ),
        evidence=(
            evidence("ZF-C-F2-purity-grows", 0.11, 0.29),
            evidence("ZF-C-F2-invariance-grows", -0.02, 0.1),
        ),
        pictures=(stored(folder / "fig2", "top nine", 1800, 900), stored(folder / "fig2", "small", 300, 200)),
        tables=(
            Table(
                "t", f"Wide {SCRIPT}", [f"column {i}" for i in range(14)], [[i * 1.234 for i in range(14)], [None] * 14]
            ),
        ),
        notes=(f"A note {SCRIPT}", "an-unbreakable-word-" * 12),
    )
    parts = [("righteye", 0.21), ("lefteye", 0.2), ("nose", 0.22), ("random", 0.3)]
    table1 = StoredOutcome(
        measurements=tuple(
            Measurement(
                f"delta_5/{part}", [delta, delta + 0.02, delta + 0.01], "share", "set", reported=f"ZF-T1-{part}-L5"
            )
            for part, delta in parts
        ),
        evidence=(evidence("ZF-C-T1-parts-correspond", -0.2, -0.1),),
    )
    table2 = StoredOutcome(
        measurements=(Measurement("e", [4.0, 4.2, 4.4], "% error", "seed", reported="ZF-T2-07", cell="val top-1"),),
        evidence=(evidence("ZF-C-T2-zfnet-better", 0.2, 1.4, seeds=3),),
    )
    return [
        ExperimentResult("fig2", "Fig. 2", "done", "", outcome=fig2, folder=folder / "fig2", **ended),
        ExperimentResult("table1", "Table 1", "recorded", "Recorded.", outcome=table1, folder=folder, **ended),
        ExperimentResult(
            "table2",
            "Table 2",
            "stale",
            "old",
            outcome=table2,
            folder=folder,
            changes=("the seed, from 0 to 1",),
            **ended,
        ),
        ExperimentResult(
            "fig4", "Fig. 4", "not run", f"needs full=true {SCRIPT}", "replicate experiments=fig4 full=true"
        ),
        ExperimentResult("fig7", "Fig. 7", "failed", f"no space is left {SCRIPT}", "replicate experiments=fig7"),
        ExperimentResult("extra", "Not in the ledger", "not run", "needs a generator", "replicate experiments=extra"),
    ]


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    """The paper's, with markup in a name."""
    zeiler = load("zeiler")
    rows = tuple(dataclasses.replace(r, quantity=r.quantity + SCRIPT) if r.id == "ZF-T2-01" else r for r in zeiler.rows)
    return dataclasses.replace(zeiler, rows=rows)


@pytest.fixture(scope="module")
def page(ledger: Ledger, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    found = results(folder / "outcomes")
    facts = {"network": f"zfnet_small {SCRIPT}", "data": "facetworld", "seed": "0", "device": "cpu, 2 threads"}
    return write(ledger, "laptop", found, judge(ledger, found, "laptop"), folder / "page", facts)


class Reader(HTMLParser):
    """Tags with their attributes, and the text of every section."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.sections: dict[str, str] = {}
        self._section = "head"
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "section":
            self._section = dict(attrs)["id"] or ""

    def handle_data(self, data: str) -> None:
        self.sections[self._section] = self.sections.get(self._section, "") + data


@pytest.fixture(scope="module")
def read(page: Path) -> Reader:
    return Reader(page.read_text(encoding="utf-8"))


def test_a_paper_has_further_pages_and_long_tables_are_cut(ledger: Ledger, tmp_path: Path) -> None:
    def more(results: Any, folder: Path, facts: Any, pictures: Any) -> tuple[str, str]:
        (folder / "more.html").write_text(f"{facts['profile']} {pictures['fig2', 'small.png']} {len(results)}")
        return "more.html", f"More {SCRIPT}"

    found = results(tmp_path / "outcomes")
    long = Table("long", "Long", ["i"], [[f"row {i}"] for i in range(MOST_ROWS + 3)])
    assert found[0].outcome is not None
    found[0] = dataclasses.replace(found[0], outcome=dataclasses.replace(found[0].outcome, tables=(long,)))
    judged = judge(ledger, found, "laptop")
    path = write(ledger, "laptop", found, judged, tmp_path / "page", writers=[more, lambda *_: None])
    assert (tmp_path / "page" / "more.html").read_text() == "laptop pictures/fig2-small.png 6"
    html = path.read_text(encoding="utf-8")
    assert html.count('<a href="more.html">More &lt;script&gt;') == 1
    assert f"({MOST_ROWS + 3} rows, the first {MOST_ROWS} of them shown)" in html
    assert f"<td>row {MOST_ROWS - 1}</td>" in html
    assert f"<td>row {MOST_ROWS}</td>" not in html


def test_text_is_never_markup(page: Path, read: Reader) -> None:
    assert "script" not in {tag for tag, _ in read.tags}
    assert SCRIPT not in page.read_text(encoding="utf-8")
    for section in ("fig2", "fig4", "fig7", "ledger"):
        assert SCRIPT in read.sections[section], section


def test_nothing_comes_from_elsewhere(read: Reader) -> None:
    for tag, attributes in read.tags:
        assert tag not in ("script", "iframe", "object")
        address = attributes.get("src") or (attributes.get("href") if tag == "link" else None)
        if address is not None:
            assert not re.match(r"[a-z]+:|/", address) or address == "data:,", address


def test_inner_links_lead_somewhere(read: Reader) -> None:
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [a.get("href") or "" for tag, a in read.tags if tag == "a"]
    targets = {link[1:] for link in links if link.startswith("#")}
    assert targets <= set(ids)


def test_sections_follow_the_paper_and_each_says_how_it_stands(ledger: Ledger, read: Reader) -> None:
    sections = [attributes["id"] for tag, attributes in read.tags if tag == "section"]
    assert sections == [*(section.experiment for section in ledger.sections), "extra", "ledger"]
    text = {name: " ".join(words.split()) for name, words in read.sections.items()}
    assert "measured" in text["fig2"]
    assert "replicate paper=zeiler profile=laptop network=zfnet_small seed=0" in text["fig2"]
    assert "Direction not established: the interval includes 0." in text["fig2"]
    assert "Mean difference in the share of one class" in text["fig2"]
    assert "1 min 23 s" in text["fig2"]
    assert "0.700 [0.20, 1.20]" in text["fig2"]
    assert "Recorded by an earlier full run." in text["table1"]
    assert "The opposite direction." in text["table1"]
    assert (
        "Stale. What is shown was recorded earlier; since then this has changed: the seed, from 0 to 1."
        in text["table2"]
    )
    assert "Needs full=true" in text["fig4"]
    assert "Failed. no space is left" in text["fig7"]
    assert "not part of this run" in text["fig9"]
    assert "Needs a generator." in text["extra"]


def test_measured_stands_beside_reported(read: Reader) -> None:
    text = " ".join(read.sections["table2"].split())
    assert "4.20 [3.70, 4.70]38.4" in text
    assert "–16.5" in text
    assert "ZFNet Fig. 3, 1 convnet: Values are compared at the paper's own scale only; the profile is 'laptop'" in text
    assert text.count("Another group's method or network; the suite doesn't run it.") == 1
    assert "0.067 ± 0.007" in read.sections["table1"]


def test_one_verdict_for_a_whole_table_is_said_once(ledger: Ledger, read: Reader) -> None:
    rows = [row for row in ledger.rows if row.experiment == "table6" and row.kind == "value"]
    assert len(rows) > 20
    assert " ".join(read.sections["table6"].split()).count("not comparable") == 2  # all classes, and how many were won
    assert "without a counterpart here (21 rows)" in read.sections["table6"]


def test_each_test_of_a_claim_stands_with_its_interval_and_its_bound(page: Path, read: Reader) -> None:
    text = " ".join(read.sections["fig2"].split())
    assert "the paper's direction holds. 0 mean difference in the share of one class, layer 5" in text.lower()
    strips = re.findall(r'<div class="strip".*?</div>', page.read_text(encoding="utf-8"), re.DOTALL)
    assert len(strips) == 4
    assert all(re.search(r'class="end" style="left:[\d.]+%">0<', strip) for strip in strips)
    head = " ".join(read.sections["head"].split())
    assert "✕ deviates recordedthe opposite direction" in head
    assert "✕ deviatesdirection not established" in head


def test_sources_are_links_to_the_list_of_them(page: Path, read: Reader) -> None:
    note = page.read_text(encoding="utf-8").partition('<section id="table1">')[2].partition("</section>")[0]
    assert '[<a href="#source-ZF-A">ZF-A</a>, <a href="#source-ZF-B">ZF-B</a>]' in note
    assert {"source-ZF-A", "source-ZF-D"} <= {attributes.get("id") for _, attributes in read.tags}
    assert "ZF-C-F2-purity-grows" in read.sections["ledger"]  # the id of a row is no source


def test_a_long_table_is_folded(ledger: Ledger, tmp_path: Path) -> None:
    rows = [[i, 37752832] for i in range(13)]
    outcome = StoredOutcome(tables=(Table("a", "Long", ["x", "weights"], rows), Table("b", "Short", ["x"], [[1]])))
    made = Provenance({}, {}, None, False, {}, "cpu, 1 thread", 1, 1.0, 1, None, "replicate")
    found = [ExperimentResult("fig3", "f", "done", "", "r", outcome=outcome, folder=tmp_path, provenance=made)]
    text = write(ledger, "laptop", found, judge(ledger, found, "laptop"), tmp_path, about="What it is.").read_text()
    assert "<summary>Long (13 rows)</summary>" in text
    assert "<caption>Short</caption>" in text
    assert "<caption>Long</caption>" not in text
    assert "<td>37,752,832</td>" in text
    assert "<p>What it is.</p>" in text


def test_every_row_of_the_ledger_is_listed_with_how_it_is_known(ledger: Ledger, read: Reader) -> None:
    text = read.sections["ledger"]
    for row in ledger.rows:
        assert row.id in text
        assert str(row.known[0]) in text
    assert text.count("unverified") == 2


def test_tolerances_have_a_heading_only_where_there_are_any(ledger: Ledger, tmp_path: Path) -> None:
    for one, shown in ((ledger, True), (dataclasses.replace(ledger, tolerances={}), False)):
        text = write(one, "laptop", [], judge(one, [], "laptop"), tmp_path).read_text(encoding="utf-8")
        assert ("How the tolerances were set" in text) == shown


def test_counts_in_the_summary(read: Reader) -> None:
    text = " ".join(read.sections["head"].split())
    assert "↗ 2 trend reproduced ✕ 2 deviates ○ 23 not run" in text
    assert "70 not comparable" not in text


def test_the_same_run_gives_the_same_page_and_leaves_no_old_picture(ledger: Ledger, tmp_path: Path) -> None:
    found = results(tmp_path / "outcomes")
    verdicts = judge(ledger, found, "laptop")
    first = write(ledger, "laptop", found, verdicts, tmp_path / "page").read_bytes()
    assert write(ledger, "laptop", found, verdicts, tmp_path / "page").read_bytes() == first
    pictures = tmp_path / "page" / "pictures"
    assert sorted(p.name for p in pictures.iterdir()) == ["fig2-small.png", "fig2-top-nine.png"]
    write(ledger, "laptop", found[1:], judge(ledger, found[1:], "laptop"), tmp_path / "page")
    assert list(pictures.iterdir()) == []


def test_a_failed_write_leaves_the_older_page(ledger: Ledger, tmp_path: Path) -> None:
    found = results(tmp_path / "outcomes")
    verdicts = judge(ledger, found, "laptop")
    page = write(ledger, "laptop", found, verdicts, tmp_path / "page")
    before = page.read_bytes()
    (tmp_path / "outcomes" / "fig2" / "small.png").unlink()
    with pytest.raises(FileNotFoundError):
        write(ledger, "laptop", found, verdicts, tmp_path / "page", {"seed": "1"})
    assert page.read_bytes() == before
    assert {p.name for p in (tmp_path / "page").iterdir()} == {"index.html", "pictures"}


@pytest.fixture(scope="module")
def tab() -> Iterator[Page]:
    if executable() is None:
        pytest.skip("no Chromium or Chrome on this machine")
    with browser() as opened:
        yield opened


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1200])
def test_in_a_browser(tab: Page, page: Path, width: int, dark: bool) -> None:
    tab.complaints.clear()
    tab.open(page, width, dark=dark)
    assert tab.evaluate("window.innerWidth") == width
    tab.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    images = tab.evaluate("[...document.images].map(i => [i.complete, i.naturalWidth, i.alt, i.clientWidth])")
    assert [(complete, natural) for complete, natural, _, _ in images] == [(True, 1800), (True, 300)]
    assert all(alt and shown <= width for _, _, alt, shown in images)
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == (
        "rgb(22, 25, 29)" if dark else "rgb(255, 255, 255)"
    )
    assert tab.complaints == []


def test_in_print_nothing_is_hidden_in_a_scrolling_box(tab: Page, page: Path) -> None:
    tab.open(page, 1000, paper=True)
    hidden = "[...document.querySelectorAll('.scroll')].filter(e => getComputedStyle(e).overflowX != 'visible').length"
    assert tab.evaluate(hidden) == 0
    assert tab.evaluate("document.querySelector('details .scroll table').getBoundingClientRect().height") > 20
