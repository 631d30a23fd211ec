"""The index joins what runs left and what is recorded: counts, panels, a gallery, what is missing and why."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from browser import Page, browser, executable
from conftest import Dummy

from replications.suite import whole
from replications.suite.report import index
from replications.suite.report.panels import Panel

SCRIPT = "<script>alert('x')</script>"


def front(results: Path) -> list[Panel]:
    """A panel with a wide table, markup, and a link to what isn't there."""
    rows = tuple((f"row {i} {SCRIPT}", *(f"{i}.{j} [0.10, 0.20]" for j in range(9))) for i in range(3))
    columns = ("name", *(f"a long name of a measure {j} ↑" for j in range(9)))
    links = (("the ledger", results / "reported" / "dummy.yaml"), ("nothing", results / "nowhere"))
    return [Panel("How it compares", (f"A sentence {SCRIPT}.",), columns, rows, links)]


@pytest.fixture
def page(dummy: Dummy, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The index of two runs of the dummy paper, one of which lacks something, and of a paper that was never run."""
    assert dummy.run("experiments=[fig1,fig2]", "seed=3")[0] == 0
    assert dummy.run("experiment.fig2.fail=error")[0] == 1
    papers = {
        "dummy": {"title": f"A paper {SCRIPT}", "front": "test_index.front"},
        "never": {"title": "Never run"},
    }
    monkeypatch.setattr(index, "papers", lambda extra=None: papers)
    return index.write(dummy.results)


class _Seen(HTMLParser):
    """Addresses, and the text outside of styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_it_counts_verdicts_and_says_what_is_missing_and_why(page: Path) -> None:
    seen = _Seen(page.read_text(encoding="utf-8"))
    assert "toy, toy ↗ 1 trend reproduced measured here" in seen.text
    assert "toy, toy, seed 3" in seen.text
    assert "Never run : nothing is recorded and nothing has been measured here." in seen.text
    missing = seen.text.partition("What is missing, and why")[2]
    assert "fig2" in missing
    assert "failed ZeroDivisionError: the number of images is 0" in missing
    assert "it takes long; run it with full=true" in missing
    assert not any(tag == "script" for tag, _ in seen.tags)
    assert seen.text.count(SCRIPT) > 3


def test_every_address_leads_somewhere(page: Path) -> None:
    seen = _Seen(page.read_text(encoding="utf-8"))
    addresses = [attrs.get("href") or attrs.get("src") for tag, attrs in seen.tags if tag in ("a", "img")]
    ids = {attrs["id"] for _, attrs in seen.tags if "id" in attrs}
    assert len(addresses) > 8
    for address in addresses:
        file, _, anchor = str(address).partition("#")
        target = page.parent / unquote(file) if file else page
        assert target.is_file(), address
        if anchor:
            found = ids if not file else set(re.findall(r'id="([^"]+)"', target.read_text(encoding="utf-8")))
            assert unquote(anchor) in found, address
    pictures = [attrs for tag, attrs in seen.tags if tag == "img"]
    assert pictures
    assert all(attrs["loading"] == "lazy" and attrs["width"] and attrs["height"] for attrs in pictures)


def test_what_is_recorded_is_shown_where_nothing_was_run(dummy: Dummy, monkeypatch: pytest.MonkeyPatch) -> None:
    assert dummy.run("record=true", "experiments=[fig1,fig2]")[0] == 0
    summaries = list((dummy.results / "verdicts").glob("*.json"))
    said = json.loads(summaries[0].read_text())
    (dummy.results / "runs").rename(dummy.root / "aside")
    summaries[0].write_text(json.dumps({**said, "profile": "laptop", "network": "another"}))
    recorded = dummy.results / "recorded" / "dummy"
    (recorded / "toy").rename(recorded / "laptop")
    monkeypatch.setattr(index, "papers", lambda extra=None: {"dummy": {"title": "A paper"}})
    seen = _Seen(index.write(dummy.results).read_text(encoding="utf-8"))
    assert "laptop, another ↗ 1 trend reproduced recorded" in seen.text
    assert sum(tag == "img" for tag, _ in seen.tags) == 2


def test_nothing_at_all_is_said_too(dummy: Dummy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "papers", lambda extra=None: {"dummy": {"title": "A paper"}})
    assert "Nothing has been measured yet" in index.write(dummy.results).read_text(encoding="utf-8")


def test_papers_come_by_turn_and_year() -> None:
    assert list(index.papers()) == ["zeiler", "multifaceted", "ppgn", "survey", "compare", "regress"]


def test_one_bad_paper_does_not_stop_the_others_but_the_exit_status_says_so(
    dummy: Dummy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "dummy"))
    conf = dummy.conf
    (conf / "paper" / "another.yaml").write_text(yaml.safe_dump({"name": "dummy", "title": "Another"}))
    (conf / "experiment" / "another").mkdir()
    (conf / "experiment" / "another" / "fig2.yaml").write_text("_target_: dummy_paper.Fig2\nfail: error\n")
    papers = {name: {"title": name} for name in ("another", "nowhere", "dummy")}
    papers["never"] = {"title": "never", "turn": None}  # type: ignore[dict-item]
    monkeypatch.setattr(index, "papers", lambda extra=None: papers)
    status = whole.replicate_all(["--config-dir", str(conf), "profile=toy"])
    said = "".join(dummy.capsys.readouterr())
    assert status == 2
    assert "3 papers, not well: another (1), nowhere (2). The index of all pages: " in said
    assert dummy.calls()["fig10"] == 1
    assert (dummy.results / "runs" / "index.html").is_file()


@pytest.fixture(scope="module")
def tab() -> Iterator[Page]:
    if executable() is None:
        pytest.skip("no Chromium or Chrome on this machine")
    with browser() as opened:
        yield opened


def test_in_a_browser(page: Path, tab: Page) -> None:
    for width, dark in ((390, False), (390, True), (1100, False), (1100, True)):
        tab.complaints.clear()
        tab.open(page, width, dark=dark)
        tab.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        tab.evaluate("Promise.all([...document.images].map(i => {i.loading = 'eager'; return i.decode()}))")
        assert tab.evaluate("[...document.images].every(i => i.naturalWidth > 0 && i.clientWidth > 50)")
        ground = "rgb(22, 25, 29)" if dark else "rgb(255, 255, 255)"
        assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == ground
        assert tab.complaints == []
