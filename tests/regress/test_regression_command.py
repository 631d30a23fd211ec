"""`replicate regress` and `make baseline`, on probes whose values are known."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from regress_toys import recorded_document, toy_settings

from replications.paths import cache_root, results_root
from replications.regress import recorded_values, run, write
from replications.regress.baselines import load
from replications.regress.measuring import measure, scratch, with_numbers
from replications.regress.recorded_values import of_document
from replications.regress.words import understood
from replications.suite.errors import WrongInput

NAMES = ("toy", "other")


class Commands:
    """Both commands, with a folder for baselines and one for results."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self.capsys, self.baselines = root, capsys, root / "baselines"

    def _said(self, do: Callable[[], int]) -> tuple[int, str]:
        self.capsys.readouterr()
        status = do()
        captured = self.capsys.readouterr()
        return status, captured.out + captured.err

    def baseline(self, *words: str) -> tuple[int, str]:
        return self._said(lambda: write.baseline([*words, "recorded=false"], self.baselines))

    def regress(self, *words: str) -> tuple[int, str]:
        return self._said(lambda: run.regress([*words]))

    @property
    def page(self) -> Path:
        return self.root / "results" / "runs" / "regress" / "laptop" / "report" / "index.html"


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    for name in ("results", "cache"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(f"REPLICATIONS_{name.upper()}", str(tmp_path / name))
    for name in ("TOY_SHIFT", "TOY_ERROR", "TOY_MISSING", "TOY_LACK", "REPLICATIONS_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    for module in (run, write):
        monkeypatch.setattr(module, "settings_for", lambda overrides: (toy_settings(*NAMES), ()))
    monkeypatch.setattr(run, "baselines_root", lambda: tmp_path / "baselines")
    monkeypatch.setattr(recorded_values, "recorded_root", lambda: tmp_path / "recorded")
    return Commands(tmp_path, capsys)


@pytest.fixture
def with_baseline(commands: Commands) -> Commands:
    assert commands.baseline("reason=the first one")[0] == 0
    return commands


def test_an_unchanged_tree_is_green(with_baseline: Commands) -> None:
    status, said = with_baseline.regress()
    assert status == 0, said
    assert "Nothing got worse" in said
    assert "measures: 4 same" in said
    assert with_baseline.page.is_file()


def test_it_measures_anew_every_time(with_baseline: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code's fingerprint doesn't know of the shift, so whoever finds the outcome done misses it."""
    assert with_baseline.regress()[0] == 0
    monkeypatch.setenv("TOY_SHIFT", "-8")
    status, said = with_baseline.regress()
    assert status == 1
    assert "! worse        toy height: 0." in said
    assert "2 departures for the worse" in said
    monkeypatch.setenv("TOY_SHIFT", "8")
    status, said = with_baseline.regress("probes=toy")
    assert status == 0
    assert "better       toy height" in said


def test_other_sets_by_another_seed(with_baseline: Commands) -> None:
    assert with_baseline.regress("seed=5000", "probes=[toy]")[0] == 0
    assert "5000, 5001, 5002" in (with_baseline.page.parent.parent / "report-seed5000" / "index.html").read_text()
    status, said = with_baseline.regress("seed=22")
    assert status == 2
    assert "the sets [22, 23] are the baseline's own" in said
    assert "choose a seed from 24 on" in said


def test_a_probe_that_fails_is_red(with_baseline: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_ERROR", "it <broke>")
    status, said = with_baseline.regress()
    assert status == 1
    assert "! missing      toy height, even: It failed: ValueError: it <broke>." in said
    assert "it &lt;broke&gt;" in with_baseline.page.read_text()


@pytest.mark.parametrize("variable", ["TOY_MISSING", "TOY_LACK"])
def test_where_nothing_can_be_run_the_input_is_wrong(
    with_baseline: Commands, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "needs photographs")
    status, said = with_baseline.regress()
    assert status == 2
    assert "no probe can be run; toy: needs photographs" in said


def test_no_probe_checks_only_what_is_recorded(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs no baseline of probes, for they aren't asked for."""
    key = ("zeiler", "laptop", "table2")
    kept = {key: of_document(recorded_document([10.0, 12.5, 11.25, 9.75, 10.5]))}
    recorded_values.write(recorded_values.updated({}, kept, "the first", "2026-01-01"), commands.baselines)
    monkeypatch.setattr(recorded_values, "recorded_now", lambda: kept)
    status, said = commands.regress("probes=none")
    assert status == 0, said
    assert "recorded: 1 same" in said
    monkeypatch.setattr(recorded_values, "recorded_now", lambda: {key: of_document(recorded_document([1.0] * 5))})
    status, said = commands.regress("probes=none")
    assert status == 1, said
    assert "! worse        zeiler laptop table2 error" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["probes=none", "recorded=false"], "leave nothing to check"),
        (["probes=[tyo]"], "unknown probe 'tyo'; did you mean toy?"),
        (["seed=x"], "seed must be a whole number from 0, found 'x'"),
        (["recorded=maybe"], "recorded must be true or false"),
        (["toy"], "can't read the argument 'toy': expected NAME=VALUE"),
        (["experiments=toy"], "unknown setting 'experiments'"),
    ],
)
def test_wrong_words_get_a_sentence(with_baseline: Commands, words: Sequence[str], said: str) -> None:
    status, found = with_baseline.regress(*words)
    assert status == 2
    assert said in found
    assert "Traceback" not in found


def test_without_a_baseline_it_says_how_to_write_one(commands: Commands) -> None:
    status, said = commands.regress()
    assert status == 2
    assert "there is no baseline of profile laptop with network toy yet" in said
    assert "make baseline REASON=" in said


def test_a_broken_baseline_is_wrong_input(with_baseline: Commands) -> None:
    (with_baseline.baselines / "probes" / "laptop-toy.json").write_text("{")
    status, said = with_baseline.regress()
    assert status == 2
    assert "can't be read as a baseline" in said


@pytest.mark.parametrize("reason", ["reason=", "reason=  ", None])
def test_a_baseline_is_refused_without_a_reason(commands: Commands, reason: str | None) -> None:
    status, said = commands.baseline(*([reason] if reason else []))
    assert status == 2
    assert "give one: make baseline REASON='...'" in said
    assert not commands.baselines.exists()


def test_what_a_baseline_changes_is_shown_before_it_is_written(
    with_baseline: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load("laptop", "toy", with_baseline.baselines)
    monkeypatch.setenv("TOY_SHIFT", "2")
    status, said = with_baseline.baseline("reason=two more", "probes=[toy]", "write=false")
    assert status == 0
    mean = sum(before.probes["toy"].measures["height"].values.values()) / 24
    assert f"toy height: {mean:.4f} -> {mean + 2:.3f} metres" in said
    assert load("laptop", "toy", with_baseline.baselines).probes["toy"].provenance["reason"] != "two more"
    assert with_baseline.baseline("reason=two more", "probes=[toy]")[0] == 0
    after = load("laptop", "toy", with_baseline.baselines)
    assert after.probes["toy"].provenance["reason"] == "two more"
    assert after.probes["other"].measures == before.probes["other"].measures


def test_a_baseline_has_twelve_sets_at_least(commands: Commands) -> None:
    assert commands.baseline("reason=few sets", "sets=11")[0] == 2
    assert commands.baseline("reason=few sets", "sets=12")[0] == 0
    assert load("laptop", "toy", commands.baselines).numbers() == set(range(12))


def test_a_probe_that_fails_leaves_the_baseline_as_it_was(
    with_baseline: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = with_baseline.baselines / "probes" / "laptop-toy.json"
    before = path.read_bytes()
    monkeypatch.setenv("TOY_ERROR", "broken")
    status, said = with_baseline.baseline("reason=whatever")
    assert status == 2
    assert "nothing is written, for probes failed" in said
    assert path.read_bytes() == before


@pytest.mark.parametrize("command", ["regress", "baseline"])
def test_help(commands: Commands, command: str) -> None:
    status, said = getattr(commands, command)("--help")
    assert status == 0
    assert "probes=" in said


def test_the_scratch_folder_finds_nothing_but_what_is_rendered(commands: Commands) -> None:
    (cache_root() / "compared").mkdir()
    (cache_root() / "facetworld").mkdir()
    (cache_root() / "facetworld" / "x").write_text("rendered")
    before = results_root(), cache_root()
    with scratch() as folder:
        assert not (cache_root() / "compared").exists()
        assert (cache_root() / "facetworld" / "x").read_text() == "rendered"
        assert results_root().parent == cache_root().parent == folder
    assert not folder.exists()
    assert (results_root(), cache_root()) == before
    assert (cache_root() / "facetworld" / "x").exists()


def test_it_ends_also_after_an_error(commands: Commands) -> None:
    before = dict(os.environ)
    with pytest.raises(KeyError), scratch():
        raise KeyError
    assert dict(os.environ) == before


def test_the_numbers_of_the_sets_go_where_the_probe_reads_them() -> None:
    cell = {"protocol": {"seeds": [0]}, "by_profile": {"natural": {"protocol": {"seeds": [0], "pictures": 2}}}}
    assert with_numbers(cell, [7, 8]) == {
        "protocol": {"seeds": [7, 8]},
        "by_profile": {"natural": {"protocol": {"seeds": [7, 8], "pictures": 2}}},
    }
    assert cell["protocol"] == {"seeds": [0]}  # the given one stays
    assert with_numbers({"seeds": [0]}, None) == {"seeds": None}


def test_a_set_has_the_same_values_whatever_other_sets_there_are(commands: Commands) -> None:
    some = measure(toy_settings(), [3, 4, 5])
    other = measure(toy_settings(), [5])
    assert some.probes["toy"].measures["height"].values[5] == other.probes["toy"].measures["height"].values[5]
    assert not some.probes["toy"].made.changes(other.probes["toy"].made)


def test_words_are_told_apart() -> None:
    words = understood(["seed=7", "probes=[a, b]", "profile=natural", "recorded=false"], ("seed", "probes", "recorded"))
    assert (words.seed, words.probes, words.recorded) == (7, ("a", "b"), False)
    assert words.overrides == ("profile=natural",)
    assert understood(["probes=all"], ("probes",)).probes is None
    assert understood(["probes=none"], ("probes",)).probes == ()


def test_an_interrupted_check_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    assert run.guarded(interrupted, "x") == 130
    assert run.guarded(functools.partial(_raise, WrongInput("wrong")), "x") == 2
    assert capsys.readouterr().err.endswith("x: wrong\n")


def _raise(error: Exception) -> int:
    raise error
