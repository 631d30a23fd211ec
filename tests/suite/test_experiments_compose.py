"""Every experiment of a paper can be built for every profile, and speaks only of rows that the ledger holds."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import get_class, instantiate
from omegaconf import OmegaConf

from replications.paths import project_root
from replications.suite import ledger
from replications.suite.command_line import complete
from replications.suite.interface import Experiment, parameters
from replications.suite.settings import for_profile

ROOT = project_root()
CONF = ROOT / "conf"
PROFILES = sorted(path.stem for path in (CONF / "profile").glob("*.yaml"))
ROWS_OF = {
    "zeiler": "ZF",
    "multifaceted": "MFV",
    "ppgn": "PPGN",
    "survey": "(?:SUR|ND|MV|DB|BO|ZI|MA)",
    "compare": "BO",
    "regress": "(?!)",  # it holds to what this project measured, so there is no ledger
}  # paper -> what the names of its ledger's rows begin with, as a pattern
EXPERIMENTS = [
    pytest.param(paper, path.stem, id=f"{paper}-{path.stem}")
    for paper in ROWS_OF
    for path in sorted((CONF / "experiment" / paper).glob("*.yaml"))
]
MODULES = [
    pytest.param(paper, path, id=f"{paper}-{path.stem}")
    for paper in ROWS_OF
    for path in sorted((ROOT / "replications" / paper).rglob("*.py"))
]


def test_every_paper_is_here() -> None:
    assert set(ROWS_OF) == {path.stem for path in (CONF / "paper").glob("*.yaml")}


@cache
def rows(paper: str) -> dict[str, ledger.Row]:
    reported = ROOT / "results" / "reported" / f"{paper}.yaml"
    return {row.id: row for row in ledger.load(paper).rows} if reported.is_file() or paper != "regress" else {}


@cache
def configured(paper: str, profile: str) -> dict[str, dict[str, Any]]:
    """The configuration of every experiment, by name."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", complete(CONF, [f"paper={paper}", f"profile={profile}"]))
    found: dict[str, dict[str, Any]] = OmegaConf.to_container(config.experiment, resolve=True)  # type: ignore[assignment]
    return found


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("paper", "name"), EXPERIMENTS)
def test_it_is_built_with_all_its_parameters(paper: str, name: str, profile: str) -> None:
    experiment = instantiate(for_profile(configured(paper, profile)[name], profile), _convert_="all")
    assert isinstance(experiment, Experiment)
    json.dumps(parameters(experiment))
    for field in dataclasses.fields(type(experiment)):  # type: ignore[arg-type]
        missing = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        assert missing, f"{field.name} has a value in the class too; it belongs in {name}.yaml alone"


@pytest.mark.parametrize(("paper", "name"), EXPERIMENTS)
def test_it_answers_every_claim_of_its_own_and_no_row_that_is_not_there(paper: str, name: str) -> None:
    experiment = get_class(configured(paper, "laptop")[name]["_target_"])
    assert issubclass(experiment, Experiment)
    answers = experiment.answers
    assert set(answers) <= set(rows(paper))
    assert len(set(answers)) == len(answers)
    claims = {row.id for row in rows(paper).values() if row.kind == "claim" and row.experiment == name}
    assert claims <= set(answers)


@pytest.mark.parametrize(("paper", "path"), MODULES)
def test_rows_named_in_the_code_are_in_the_ledger(paper: str, path: Path) -> None:
    tree = ast.parse(path.read_text())
    beginnings = [part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values]
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if re.fullmatch(rf"{ROWS_OF[paper]}-[A-Z0-9][\w-]*", node.value):
            begins = any(node is part for part in beginnings)
            assert node.value in rows(paper) or (begins and any(row.startswith(node.value) for row in rows(paper))), (
                f"{path.name}, line {node.lineno}: the ledger has no row {node.value}"
            )
