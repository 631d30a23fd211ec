"""The leaderboard from outcomes of made-up cells: what it tests, tells and draws, and what is made of it."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compared_boards import ROLES, documents
from compared_results import PROTOCOL, Outcomes, leaderboard, record, results_of

from metrics.crossed_difference import crossed_difference
from replications.compare import export, readme
from replications.compare.page import FILE, protocol_words
from replications.compare.page import leaderboard as write_leaderboard
from replications.paths import project_root
from replications.suite import ledger
from replications.suite.interface import MissingInput, Outcome
from replications.suite.outcome_json import encode
from replications.suite.readme import own_tables, renew_own
from replications.suite.report.write import write
from replications.suite.verdicts import VerdictKind, judge

SCRIPT = "<script>alert('x')</script>"


@pytest.fixture(scope="module")
def board() -> Outcome:
    return leaderboard().run(Outcomes(documents(published=True), lacking=["maco2023"]))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def folder(board: Outcome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("compared")
    record(path, documents(published=True), board)
    return path


def rows(outcome: Outcome, name: str) -> list[dict[str, Any]]:
    (table,) = [table for table in outcome.tables if table.name == name]
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_the_claim_is_tested_against_every_method_of_activation_maximization(board: Outcome) -> None:
    assert [e.claim for e in board.evidence] == ["BO-C-natural-better"] * 2
    tables = {d["experiment"]: d["tables"][0] for d in documents()}

    def right(name: str) -> np.ndarray:
        place = tables[name]["columns"].index("choice")
        return np.array([row[place] for row in tables[name]["rows"]]).reshape(3, 12)

    for name, evidence in zip(("olah2017", "erhan2009"), board.evidence, strict=True):
        expected = crossed_difference(right("natural_exemplars"), right(name))
        assert (evidence.effect, evidence.low, evidence.high) == pytest.approx(expected)
        assert (evidence.seeds, evidence.n) == (3, 12)
        assert evidence.holds
    assert "Olah et al. 2017" in board.evidence[0].statistic


def test_what_is_missing_is_named_and_the_rest_compared(board: Outcome) -> None:
    assert "Not measured here, or changed since, and so not compared: maco2023." in board.notes
    both = leaderboard().run(Outcomes(documents()[:2], lacking=["published_mfv"]))  # type: ignore[arg-type]
    assert "Not measured as published, which full=true does: mfv." in both.notes
    assert [p.name for p in both.pictures] == ["trade_offs_equal", "standings_equal"]  # too few to correlate
    few = [d for d in documents() if d["experiment"] in ("olah2017", "random_images")]
    found = leaderboard().run(Outcomes(few))  # type: ignore[arg-type]
    assert "The yardstick or the floor is missing: natural_exemplars." in found.notes
    assert found.evidence == []
    (one,) = leaderboard().run(Outcomes(few[:1])).tables[2:3]  # type: ignore[arg-type]
    assert one.name == "standings/equal"
    renamed = leaderboard(main=["facet_recall", "beauty"]).run(Outcomes(few))  # type: ignore[arg-type]
    assert "At equal compute no method has a value of beauty." in renamed.notes
    with pytest.raises(MissingInput, match="make compare"):
        leaderboard().run(Outcomes([], lacking=["olah2017"]))  # type: ignore[arg-type]


def test_where_nothing_is_known_of_facets_the_rest_is_compared(tmp_path: Path) -> None:
    told = documents()
    for one in told:
        lost = ("facet_recall", "facet_purity", "diversity")
        one["measurements"] = [m for m in one["measurements"] if m["name"] not in lost]
        table = one["tables"][0]
        places = [i for i, column in enumerate(table["columns"]) if column in lost]
        table["rows"] = [[None if i in places else cell for i, cell in enumerate(row)] for row in table["rows"]]
    found = leaderboard().run(Outcomes(told))  # type: ignore[arg-type]
    assert "At equal compute no method has a value of facet_recall, diversity, facet_purity." in found.notes
    assert len(found.evidence) == 2
    assert [p.name for p in found.pictures] == ["trade_offs_equal", "standings_equal", "measures_equal"]
    assert rows(found, "agreement with truth/equal") == []
    record(tmp_path, told, found)
    assert readme.agreement(tmp_path) == "Nothing is recorded yet."
    assert "| Method | Family | distance to natural images ↓ | forced choice ↑ | Passes" in readme.leaderboard(tmp_path)
    assert write_leaderboard(results_of(tmp_path), tmp_path, {"profile": "natural"}, Everywhere()) is not None


class Everywhere(dict[tuple[str, str], str]):
    """An address for every picture."""

    def __missing__(self, key: tuple[str, str]) -> str:
        return key[1]


def test_the_tables_hold_each_setting_by_itself(board: Outcome) -> None:
    encode(board, [])  # nothing but finite numbers, names that are unique
    for setting, prefix in (("equal", ""), ("published", "published_")):
        methods = [row["cell"] for row in rows(board, f"methods/{setting}")]
        assert f"{prefix}olah2017" in methods
        assert "natural_exemplars" in methods
        assert len(methods) == 9
        assert len(rows(board, f"standings/{setting}")) == 9 * 6
        assert len(rows(board, f"pairs/{setting}")) == 36 * len(ROLES["main"])
        assert [r["measure"] for r in rows(board, f"measures/{setting}") if r["main"] == "yes"] == ROLES["main"]
    first = {row["measure"]: row for row in rows(board, "firsts/equal")}
    assert first["forced choice"]["first"] == "natural exemplars"
    assert (first["forced choice"]["established over"], first["forced choice"]["of others"]) == (8, 8)
    assert len(board.pictures) == 8
    assert {m.name for m in board.measurements} >= {"agreement/equal/facet_recall/choice"}


def test_the_configuration_names_measures_and_cells_that_there_are() -> None:
    from hydra import compose, initialize_config_dir

    conf = project_root() / "conf"
    with initialize_config_dir(str(conf), version_base="1.3"):
        wanted = ["paper=compare", "profile=laptop", "tracking=disabled"]
        added = "+experiment/compare@experiment.leaderboard=leaderboard"
        made = compose("config", [*wanted, added]).experiment.leaderboard
    cells = {path.stem for path in (conf / "experiment" / "compare").glob("*.yaml")}
    assert {made.roles.yardstick, made.roles.floor} < cells
    from replications.compare.leaderboard import Leaderboard

    about = Leaderboard(dict(made.roles), {name: dict(one) for name, one in made.measures.items()}).about
    assert {made.roles.realism, made.roles.choice, made.roles.diversity, *made.roles.main} <= about.keys()
    assert all(about[name].truth for name in made.roles.truths)
    assert not about[made.roles.choice].truth


def test_the_ledger_judges_what_the_leaderboard_tests(folder: Path) -> None:
    reported = ledger.load("compare")
    verdicts = {v.row.id: v for v in judge(reported, results_of(folder), "laptop")}
    assert verdicts["BO-C-natural-better"].kind is VerdictKind.TREND
    assert all(v.kind is VerdictKind.NOT_COMPARABLE for v in verdicts.values() if v.row.kind == "value")
    assert len(verdicts) == 9


def test_the_files_hold_what_is_recorded_and_the_same_bytes_again(folder: Path) -> None:
    files = export.files(folder)
    assert files == export.files(folder)
    assert list(files) == ["leaderboard.csv", "leaderboard_values.csv.gz"]
    table = list(csv.DictReader(io.StringIO(files["leaderboard.csv"].decode())))
    assert len(table) == 13 * 6
    one = next(r for r in table if r["method"] == "published_olah2017" and r["measure"] == "transfer")
    told = {
        key: one[key] for key in ("profile", "network", "title", "family", "setting", "direction", "units", "seeds")
    }
    assert told == {
        "profile": "laptop",
        "network": "zfnet_small",
        "title": "Olah et al. 2017",
        "family": "maximization",
        "setting": "published",
        "direction": "higher",
        "units": "12",
        "seeds": "3",
    }
    assert (one["passes"], one["seconds"], one["peak_memory_mib"], one["commit"]) == (
        "512",
        "90",
        "1024",
        "0123456789ab",
    )
    assert float(one["low"]) < float(one["mean"]) < float(one["high"])
    raw = gzip.decompress(files["leaderboard_values.csv.gz"]).decode()
    values = list(csv.DictReader(io.StringIO(raw)))
    wanted = [r for r in values if r["method"] == "olah2017" and r["measure"] == "transfer"]
    assert len(wanted) == 3 * 8  # classes alone
    mean = np.mean([float(r["value"]) for r in wanted])
    (row,) = [r for r in table if r["method"] == "olah2017" and r["measure"] == "transfer"]
    assert float(row["mean"]) == pytest.approx(mean, rel=1e-4)
    assert files["leaderboard_values.csv.gz"][4:8] == b"\0\0\0\0"  # no time


def test_files_that_are_old_are_named_and_written_anew(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    results.mkdir()
    (results / "recorded").symlink_to(folder / "recorded")
    monkeypatch.setattr(export, "project_root", lambda: tmp_path)
    assert export.main(["--check"]) == 1
    assert "leaderboard.csv, leaderboard_values.csv.gz; run `make readme`" in capsys.readouterr().err
    assert export.main([]) == 0
    assert export.main(["--check"]) == 0
    (results / "leaderboard.csv").write_text("old")
    assert export.stale(results) == ["leaderboard.csv"]
    assert export.files(tmp_path / "nowhere") == {}


def test_the_files_are_in_step_with_what_is_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    assert export.main(["--check"]) == 0, capsys.readouterr().err


def test_the_readme_has_a_row_for_every_method_with_the_best_marked(folder: Path) -> None:
    text = readme.leaderboard(folder)
    assert text.count("**laptop, `zfnet_small`, ") == 2
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(lines) == 2 * (9 + 2)
    assert lines[0].startswith("| Method | Family | facet recall ↑ | distance to natural images ↓ | forced choice ↑ |")
    exemplars = next(line for line in lines if "natural exemplars" in line)
    assert exemplars.count("**") == 6  # first by three of the four main measures
    assert "| 1 min 30 s |" in exemplars
    assert text.endswith("\n\nNot measured here, or changed since, and so not compared: maco2023.")
    told = readme.agreement(folder)
    transfer = next(line for line in told.splitlines() if line.startswith("| transfer"))
    assert "| -1.00 [-1.00, -" in transfer
    assert "goes against" in transfer
    assert readme.leaderboard(folder / "nowhere") == readme.agreement(folder / "nowhere") == "Nothing is recorded yet."


def test_the_readmes_tables_stand_where_it_has_a_place_for_them(folder: Path) -> None:
    tables = own_tables(project_root() / "conf" / "paper")
    assert {"leaderboard", "agreement"} <= tables.keys()
    text = "a\n<!-- agreement -->\nold\n<!-- end of agreement -->\nb\n"
    new = renew_own(text, {name: tables[name] for name in ("leaderboard", "agreement")}, folder)
    assert "old" not in new
    assert "| transfer" in new
    assert "Methods stand in the order" not in new
    with pytest.raises(ValueError, match="needs the markers"):
        renew_own("<!-- agreement -->", tables, folder)


@pytest.fixture(scope="module")
def page(folder: Path) -> Path:
    results = results_of(folder)
    reported = ledger.load("compare")
    facts = {"network": f"zfnet_small {SCRIPT}", "seed": "0"}
    judged = judge(reported, results, "laptop")
    index = write(reported, "laptop", results, judged, folder / "page", facts, writers=[write_leaderboard])
    assert f'<a href="{FILE}">' in index.read_text(encoding="utf-8")
    return folder / "page" / FILE


def test_the_page_shows_numbers_tests_pictures_and_the_protocol(page: Path) -> None:
    html = page.read_text(encoding="utf-8")
    assert "alert('x')</script>" not in html
    assert html.count('<table class="board">') == 2
    assert html.count('<tr data-family="maximization">') == 4
    for address in re.findall(r'(?:src|href)="([^"#:]+)', html):
        assert address == "data" or (page.parent / address).exists(), address
    anchors = set(re.findall(r'id="([^"]+)"', html))
    assert set(re.findall(r'href="#([^"]+)"', html)) <= anchors
    assert "By facet recall (higher is better) first: natural exemplars" in html
    assert "4 pictures of each unit in each of 3 sets" in html
    data = re.findall(r'class="pairs-data">(.*?)</script>', html)
    assert len(data) == 2
    first = json.loads(data[0])
    assert [m["title"] for m in first["measures"]][:2] == ["facet recall", "distance to natural images"]
    assert all(len(m["pairs"]) == 36 for m in first["measures"])


def test_a_family_that_somebody_adds_is_shown_as_well(tmp_path: Path) -> None:
    told = documents()
    told[-1]["tables"][1]["rows"][0][1] = "dreams"
    found = leaderboard().run(Outcomes(told))  # type: ignore[arg-type]
    assert any("Dreams (1 method): by facet recall mean codes inverted with" in row[1] for row in found.tables[1].rows)
    record(tmp_path, told, found)
    results = results_of(tmp_path)
    write(ledger.load("compare"), "laptop", results, [], tmp_path / "page", writers=[write_leaderboard])
    html = (tmp_path / "page" / FILE).read_text(encoding="utf-8")
    assert '<input type="checkbox" name="family" value="dreams" checked> dreams' in html
    assert "| dreams |" in readme.leaderboard(tmp_path)


def test_the_page_of_nothing_is_not_written(tmp_path: Path) -> None:
    assert write_leaderboard([], tmp_path, {}, {}) is None
    assert list(tmp_path.iterdir()) == []
    assert protocol_words([]) == []
    assert any("all classes" in sentence for sentence in protocol_words(_with_protocol(tmp_path)))


def _with_protocol(folder: Path) -> Any:
    record(folder, documents()[:1])
    (result,) = results_of(folder)
    assert result.provenance is not None
    assert result.provenance.config["experiment"]["protocol"] == PROTOCOL
    return [result]
