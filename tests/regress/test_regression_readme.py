"""README's tables of the regression check, from what the baselines and the evidence hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from regress_toys import measure_values, probe_values

from replications.paths import project_root
from replications.regress import baselines
from replications.regress.baselines import Baseline
from replications.regress.readme import regress
from replications.suite.readme import own_tables, renew_own

WORSE: list[dict[str, Any]] = [
    {
        "probe": "mfv",
        "measure": "facet_recall",
        "verdict": "worse",
        "baseline": 0.82,
        "now": 0.31,
        "floor": 0.05,
        "p": 1e-9,
        "adjusted": 2e-7,
        "sentence": "x",
    }
]


def evidence(caught: bool = True, alarms: int = 0, planted: int = 9) -> dict[str, Any]:
    defects = [{"name": f"defect | {i}", "caught": True, "worse": WORSE} for i in range(planted - 1)]
    defects.append({"name": "epsilon zero", "caught": caught, "worse": WORSE if caught else []})
    return {
        "profile": "laptop",
        "network": "toy",
        "tests": 250,
        "planted": planted,
        "caught": planted - (not caught),
        "defects": defects,
        "reruns": {
            "runs": 20,
            "sets_of_a_run": 3,
            "stated_rate": 0.01,
            "alarms": alarms,
            "chance_of_as_many": 0.18 if alarms == 1 else 0.02,
            "quiet": alarms < 2,
        },
    }


def written(results: Path, found: dict[str, Any] | None) -> str:
    probe = probe_values("mfv", {"facet_recall": measure_values([0.8] * 12), "colour": measure_values([1.0] * 12)})
    baselines.write(Baseline("laptop", "toy", {"mfv": probe}), {}, results / "baselines")
    if found is not None:
        (results / "baselines" / "evidence.json").write_text(json.dumps(found))
    return regress(results)


def test_what_the_baselines_hold(tmp_path: Path) -> None:
    text = written(tmp_path, None)
    assert "| laptop, `toy` | 1 | 2 | 12 | – | the first one (2026-01-01) |" in text
    assert "There is no evidence yet" in text


def test_the_evidence(tmp_path: Path) -> None:
    text = written(tmp_path, evidence())
    assert "| Catch every planted defect, at least 8 | 9 of 9 are | yes |" in text
    assert "| 0 of 20 runs, each with 3 fresh sets | yes |" in text
    assert "| epsilon zero | yes | 1 | mfv, facet_recall: 0.820 → 0.310 (p = 2.0e-07) |" in text
    assert "defect \\| 0" in text


def test_a_bar_that_is_not_met_is_said(tmp_path: Path) -> None:
    text = written(tmp_path, evidence(caught=False, alarms=3))
    assert "8 of 9 are | **no** |" in text
    assert "3 of 20 runs, each with 3 fresh sets; so many by chance: p = 0.020 | **no** |" in text
    assert "| epsilon zero | **no** | 0 | – |" in text
    assert "7 of 7 are | **no** |" in written(tmp_path, evidence(planted=7))


def test_without_anything_it_says_what_to_do(tmp_path: Path) -> None:
    assert "No baseline is written yet" in regress(tmp_path)


def test_the_readme_finds_it_where_it_has_a_place(tmp_path: Path) -> None:
    tables = own_tables(project_root() / "conf" / "paper")
    assert tables["regress"] == "replications.regress.readme.regress"
    old = "before\n<!-- regress -->\n<!-- end of regress -->\nafter"
    assert "No baseline" in renew_own(old, {"regress": tables["regress"]}, tmp_path)
    assert renew_own("no place", {"regress": tables["regress"]}, tmp_path) == "no place"
    config = yaml.safe_load((project_root() / "conf" / "paper" / "regress.yaml").read_text())
    assert config["golden"]
