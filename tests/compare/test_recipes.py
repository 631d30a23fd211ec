"""What replications/compare/README.md says is enough: its blocks as they stand are a method, a measure, a network and
a set of images, and its commands run them."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from replications.__main__ import CONF, run
from replications.paths import project_root

PAGE = project_root() / "replications" / "compare" / "README.md"
TESTS = Path(__file__).parent
# Of three colours, as in `three_colours`; the smallest protocol in which everything is defined that can be.
TINY = {
    "network/stripes_network.yaml": """
        _target_: recipe_parts.network
        name: stripes_network
        """,
    "network/stripes_judge.yaml": """
        _target_: recipe_parts.network
        name: stripes_judge
        """,
    "data/stripes.yaml": """
        _target_: recipe_parts.stripes
        """,
    "profile/tiny.yaml": """
        # @package _global_
        defaults:
          - override /network: stripes_network
          - override /network@evaluator: stripes_judge
          - override /data: stripes
          - override /tracking: disabled
        profile: {name: tiny, keep_pictures: true}
        """,
    "protocol/tiny.yaml": """
        pictures: 2
        seeds: [0, 1]
        classes: 2
        hidden: {5: 1}
        passes: 3
        training_images: 60
        validation_images: 60
        liked: 3
        least_share: 0.1
        trials: 2
        hard_queries: null
        natural_clusters: 2
        """,
}
CELLS = ("natural_exemplars", "random_images")
Followed = Callable[[str, str], dict[str, Any]]


@pytest.fixture
def follow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Followed]:
    """Follows a recipe of the page in a folder of its own; gives the outcome of the experiment named."""
    for name in ("results", "cache"):
        monkeypatch.setenv(f"REPLICATIONS_{name.upper()}", str(tmp_path / name))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(TESTS)
    monkeypatch.syspath_prepend(tmp_path / "mine")
    monkeypatch.setattr("replications.__main__.CONF", _fewer_cells(tmp_path / "conf"))
    before = set(sys.modules)
    conf = tmp_path / "mine" / "conf"
    for name, text in TINY.items():
        _write(conf / name, "\n".join(line[8:] for line in text.strip("\n").splitlines()) + "\n")

    def followed(heading: str, experiment: str) -> dict[str, Any]:
        section = _section(heading)
        for name, text in re.findall(r"```(?:python|yaml)\n# (\S+)\n(.*?)```", section, re.DOTALL):
            _write(tmp_path / name, text)
        (command,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
        path, program, *words = shlex.split(command.replace("\\\n", " "))
        assert (path, program) == ("PYTHONPATH=mine", "replicate")
        importlib.invalidate_caches()
        status = run(
            [*words, "profile=tiny", "protocol@paper.protocols.laptop=tiny", "~network@paper.others.alexnet_small"]
        )
        said = capsys.readouterr()
        assert status == 0, said.err + said.out
        (folder,) = (tmp_path / "results" / "runs" / "compare" / "tiny").glob(f"{experiment}-*")
        document: dict[str, Any] = json.loads((folder / "outcome.json").read_text(encoding="utf-8"))
        return document

    yield followed
    for name in set(sys.modules) - before:  # modules of the page, which another test writes anew
        if (found := getattr(sys.modules[name], "__file__", None)) and Path(found).is_relative_to(tmp_path):
            del sys.modules[name]


def _fewer_cells(target: Path) -> Path:
    """The project's configuration with two cells of the comparison, for all of them take long to compose."""
    left_out = {path.name for path in (CONF / "experiment" / "compare").iterdir()} - {f"{name}.yaml" for name in CELLS}
    compared = str(CONF / "experiment" / "compare")
    shutil.copytree(CONF, target, ignore=lambda folder, _: left_out if folder == compared else set())
    return target


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _section(heading: str) -> str:
    sections = PAGE.read_text(encoding="utf-8").split("\n## ")
    (found,) = [section for section in sections if section.startswith(heading + "\n")]
    return found


def _values(document: dict[str, Any], measure: str) -> list[float]:
    (found,) = [one["values"] for one in document["measurements"] if one["name"] == measure]
    return [float(value) for value in found]


def _table(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    (found,) = [table for table in document["tables"] if table["name"] == name]
    return [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]


def test_a_method_is_added_by_its_recipe(follow: Followed) -> None:
    document = follow("Add a method", "sign_ascent")
    assert document["title"] == "ascent by the sign"
    (cost,) = _table(document, "cost")
    assert (cost["setting"], cost["family"], cost["passes"]) == ("equal", "maximization", 3)
    rows = _table(document, "values")
    assert [(row["seed"], row["kind"]) for row in rows] == 2 * [(0, "class")] + [(0, "hidden")] + 2 * [(1, "class")] + [
        (1, "hidden")
    ]
    assert document["pictures"][0]["file"].endswith(".png")
    assert "sign_ascent" in document["provenance"]["identity"]["code"]


def test_a_measure_is_added_by_its_recipe(follow: Followed) -> None:
    document = follow("Add a measure", "natural_exemplars")
    found = _values(document, "sharpness")
    assert len(found) == 6
    # Plain stripes differ across their one edge alone: one of 31 rows, by at most 1, and in half of the neighbours.
    assert all(0 < value < 0.5 / 31 for value in found)
    assert [row["sharpness"] for row in _table(document, "values")] == found
    assert "sharpness" in document["provenance"]["identity"]["code"]


def test_a_network_is_added_by_its_recipe(follow: Followed) -> None:
    document = follow("Add a network", "natural_exemplars")
    assert document["provenance"]["identity"]["network"]["config"]["name"] == "two_layers"
    assert "two_layers" in document["provenance"]["identity"]["code"]
    assert {row["unit"].partition(",")[0] for row in _table(document, "values")} == {"red", "green", "layer 5"}


def test_a_set_of_images_is_added_by_its_recipe(follow: Followed) -> None:
    document = follow("Add a set of images", "natural_exemplars")
    identity = document["provenance"]["identity"]
    assert identity["data"]["config"]["_target_"] == "discs.discs"
    assert "discs" in identity["code"]
    assert len(_values(document, "quantile")) == 6
