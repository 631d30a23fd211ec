"""The page: everything that is said is on it, nothing that is said can break it, golden pictures lie side by side."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from regress_toys import PROVENANCE, measure_values, measured_of, probe_values

from replications.regress.baselines import Baseline
from replications.regress.golden import Golden
from replications.regress.golden_judge import GoldenVerdict
from replications.regress.report import Report, dots, write_report
from replications.regress.testing import Verdict, judge
from replications.suite.interface import Direction

WICKED = "<script>alert('x')</script>&\"quoted\""
SOME = torch.rand(2, 3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
GOLDEN = Golden("p.png", "x", 1000, 2, 3, 8, "perceptual distance in toy", (0.4, 0.5))


def report(better: Direction = "higher", name: str = "p", reason: str = "the first one") -> Report:
    old = {
        "height": measure_values([1.0, 2.0, 3.0, 2.0], better, 0.1),
        "flat": measure_values([1.0] * 4, "none", 0.0),
    }
    new = {"height": measure_values([-20.0, -21.0, -22.0], better, 0.1, 1000), "flat": measure_values([1.0] * 3)}
    new["flat"] = measure_values([1.0] * 3, "none", 0.0, 1000)
    baseline = {name: probe_values(name, old, reason=reason)}
    measured = measured_of(probe_values(name, new))
    pictures = [
        GoldenVerdict(name, "worse", f"Other pictures: {WICKED}", True, GOLDEN, SOME, 1 - SOME, (0.7, 0.1)),
        GoldenVerdict("gone", "missing", "There are none now.", False, GOLDEN, SOME),
    ]
    recorded = [
        Verdict("zeiler laptop fig2", "purity", "same", "Equal to seven digits."),
        Verdict("zeiler laptop fig2", WICKED, "incomparable", f"Recorded otherwise: {WICKED}"),
    ]
    return Report(
        Baseline("laptop", "toy", baseline),
        measured,
        judge(baseline, measured),
        pictures,
        recorded,
        f"replicate regress probes=[{WICKED}]",
        75.0,
    )


@pytest.fixture
def page(tmp_path: Path) -> str:
    return write_report(report(), tmp_path).read_text()


def test_verdicts_are_on_it(page: str) -> None:
    assert "3 for the worse" not in page
    assert "2 for the worse" in page  # height and the golden pictures
    assert "2 -&gt; -21 share" in page
    assert "1 min 15 s" in page
    assert "the first one (2026-01-01, commit aaaaaaa)" in page
    assert "1000, 1001, 1002" in page
    assert "0 to 3" in page


def test_what_is_said_can_not_break_it(tmp_path: Path) -> None:
    text = write_report(report(name="p&q", reason=WICKED), tmp_path).read_text()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert text.count("<script>") == 1  # its own
    assert "p&amp;q" in text


def test_golden_pictures_lie_side_by_side_under_a_slider(page: str, tmp_path: Path) -> None:
    for word in ("baseline", "current"):
        assert (tmp_path / "pictures" / f"p-{word}.png").is_file()
        assert f'src="pictures/p-{word}.png"' in page
    assert page.count('type="range"') == 1  # of "gone" there is only one side
    assert (tmp_path / "pictures" / "gone-baseline.png").is_file()
    assert not (tmp_path / "pictures" / "gone-current.png").exists()
    assert 'addEventListener("input"' in page
    assert "http://" not in page
    assert "https://" not in page


def test_pictures_that_are_not_shown_any_more_go(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "old.png").write_bytes(b"")
    write_report(report(), tmp_path)
    assert not (tmp_path / "pictures" / "old.png").exists()


def test_it_is_well_formed(page: str) -> None:
    from html.parser import HTMLParser

    void, stack, wrong = {"meta", "link", "img", "input", "br"}, [], []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in void:
                stack.append(tag)

        def handle_startendtag(self, tag: str, attrs: object) -> None:
            pass

        def handle_endtag(self, tag: str) -> None:
            if not stack or stack.pop() != tag:
                wrong.append(tag)

    Parser().feed(page)
    assert not wrong
    assert not stack


def test_every_value_is_a_dot(page: str) -> None:
    # Four old and three new ones of two measures, and of the departure again.
    assert page.count('class="old"') == 4 * 3
    assert page.count('class="new"') == 3 * 3


def test_dots_lie_in_order_on_one_scale() -> None:
    found = dots([1.0, 2.0], [3.0])
    assert found.old == pytest.approx((100 * 0.15 / 2.3, 50), abs=0.01)
    assert found.new == pytest.approx((100 * 2.15 / 2.3,), abs=0.01)
    assert found.old_mean == pytest.approx((found.old[0] + found.old[1]) / 2, abs=0.01)
    same = dots([2.0, 2.0], [2.0])
    assert same.old == (50, 50)
    assert dots([], []).old_mean is None
    assert len(dots([float(n) for n in range(1000)], []).old) <= 60


def test_verdicts_for_others_to_read(tmp_path: Path) -> None:
    found = json.loads((write_report(report(), tmp_path).parent / "verdicts.json").read_text())
    assert found["red"] == 2
    assert found["counts"] == {
        "measures": {"worse": 1, "same": 1},
        "golden pictures": {"worse": 1, "missing": 1},
        "recorded": {"incomparable": 1, "same": 1},
    }
    assert found["summary"].startswith("2 departures for the worse, in 1 min 15 s; measures: 1 worse, 1 same")
    assert [v["kind"] for v in found["verdicts"]] == ["worse", "incomparable", "worse", "missing"]


def test_light_and_dark(page: str) -> None:
    assert "prefers-color-scheme: dark" in page
    own = re.search(r"\.badge\.better.*?</style>", page, re.DOTALL)
    assert own is not None
    assert not re.search(r"(?<!-)color: #", own.group())  # colours come from the page's own variables


def test_the_baseline_of_a_probe_without_a_commit(tmp_path: Path) -> None:
    changed = report()
    probe = changed.baseline.probes["p"]
    provenance = {**PROVENANCE, "commit": None}
    baseline = Baseline("laptop", "toy", {"p": probe_values("p", probe.measures, **provenance)})
    text = write_report(
        Report(baseline, changed.measured, changed.verdicts, [], [], "replicate regress", 1.0), tmp_path
    ).read_text()
    assert "no commit" in text
