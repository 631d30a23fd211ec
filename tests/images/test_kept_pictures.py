"""What an interrupted run has made is taken up as it is, and nothing else is."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from maximization_networks import convolutional
from picture_making import METHOD, WANTED, cores, counted, natural, network, same
from torch import Tensor

from replications.images import pictures, presets
from replications.images.objectives import Activation, Direction, Objective, Probability, Several
from replications.images.pictures import make_pictures
from replications.images.schedule import Octave
from replications.networks.network import Network
from replications.networks.unit import Unit
from replications.workers import side_by_side

HEAVY = ("joblib", "sklearn", "scipy", "matplotlib", "hydra", "pandas", "wandb")


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    cores(1, monkeypatch)


def test_what_is_finished_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    undisturbed = make_pictures(network(), METHOD, WANTED, seed=3, at_once=2)
    made = counted(monkeypatch)

    def interrupted(items: Iterable[Any], what: str, total: int) -> Iterator[Any]:
        assert (what, total) == ("kept by short", 4)
        for i, item in enumerate(items):
            if i == 2:
                raise KeyboardInterrupt
            yield item

    given: dict[str, Any] = {"seed": 3, "at_once": 2, "folder": tmp_path / "parts", "name": "kept"}
    with pytest.raises(KeyboardInterrupt):
        make_pictures(network(), METHOD, WANTED, **given, progress=interrupted)
    assert made == [2, 2, 2]
    totals: list[int] = []

    def noted(items: Iterable[Any], what: str, total: int) -> Iterator[Any]:
        totals.append(total)
        yield from items

    assert same(make_pictures(network(), METHOD, WANTED, **given, progress=noted), undisturbed)
    assert (made[3:], totals) == ([1], [1])  # progress counts what is left to do
    assert same(make_pictures(network(), METHOD, WANTED, **given, progress=noted), undisturbed)
    assert (made[4:], totals) == ([], [1])
    # another name, and another set of pictures of which only the first part is the same
    make_pictures(network(), METHOD, WANTED, **{**given, "name": "other"})
    assert made[4:] == [2, 2, 2, 1]
    make_pictures(network(), METHOD, [*WANTED[:2], *WANTED[3:5]], **given, restarts=[0, 0, 0, 1])
    assert made[8:] == [2]
    assert not [path for path in (tmp_path / "parts").iterdir() if path.suffix != ".safetensors"]


def test_a_file_that_holds_something_else_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from safetensors.torch import load, save_file

    given: dict[str, Any] = {"seed": 3, "folder": tmp_path}
    undisturbed = make_pictures(network(), METHOD, WANTED, **given)
    (path,) = tmp_path.iterdir()
    whole, fields = path.read_bytes(), load(path.read_bytes())
    made = counted(monkeypatch)
    harms = {
        "incomplete metadata": lambda: path.write_bytes(whole[: len(whole) // 2]),
        "header too small": lambda: path.write_bytes(b"<html>"),
        "expected images, activations, diverged, unmoved, nudged of 7 pictures, found images (7,": lambda: save_file(
            {"images": fields["images"]}, path
        ),
        "found activations (6,), diverged (6,)": lambda: save_file({k: v[:6].clone() for k, v in fields.items()}, path),
    }
    for i, (why, harm) in enumerate(harms.items()):
        harm()
        assert same(make_pictures(network(), METHOD, WANTED, **given), undisturbed)
        said = capsys.readouterr().err
        assert str(path) in said
        assert "can't be used" in said
        assert "its pictures are made again" in said
        assert len(made) == i + 1
        assert path.read_bytes() == whole
        assert why in said


PARTS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "another seed": {"seed": 4},
    "another step": {"method": dataclasses.replace(METHOD, schedule=[Octave(6, 0.06)])},
    "fewer iterations": {"method": METHOD.shortened(0.5)},
    "keeps the best": {"method": dataclasses.replace(METHOD, keep="best")},
    "another attempt": {"attempts": (0, 2)},
    "another unit": {"wanted": (WANTED[0], WANTED[2])},
    "one position": {"wanted": (WANTED[0], Unit("5", 1, (2, 2)))},
    "another place": {"wanted": (WANTED[0], Unit("5", 1, (2, 3)))},
    "a probability": {"wanted": (WANTED[0], Probability(WANTED[1]))},
    "a direction": {"wanted": (WANTED[0], Direction("7", torch.tensor([1.0, 0, 0, 0]), "up"))},
    "another direction": {"wanted": (WANTED[0], Direction("7", torch.tensor([0.0, 1, 0, 0]), "up"))},
    "a sum": {"wanted": (WANTED[0], Several(((1.0, Activation(WANTED[1])), (1.00000001, Activation(WANTED[2])))))},
    "another sum": {"wanted": (WANTED[0], Several(((1.0, Activation(WANTED[1])), (1.0, Activation(WANTED[2])))))},
    "a start": {"starts": torch.zeros(2, 3, 24, 24)},
    "another start": {"starts": torch.zeros(2, 3, 24, 24).index_fill(3, torch.tensor(7), 1e-6)},
    "references": {"references": {WANTED[0]: torch.zeros(1, 3, 24, 24)}},
    "other references": {"references": {WANTED[0]: torch.zeros(1, 3, 24, 24).index_fill(3, torch.tensor(7), 1e-6)}},
    "references of another": {"references": {WANTED[1]: torch.zeros(1, 3, 24, 24)}},
    "another network": {"network": convolutional(seed=1)},
}


def part(**changes: Any) -> Any:
    given = {
        "network": convolutional(),
        "method": METHOD,
        "wanted": tuple(WANTED[:2]),
        "attempts": (0, 1),
        "starts": None,
        "references": None,
        "seed": 3,
    }
    return pictures._Part(**{**given, **changes})


def test_a_file_is_named_by_all_that_decides_its_pictures() -> None:
    digests = {what: part(**changes).digest for what, changes in PARTS.items()}
    assert len(set(digests.values())) == len(digests)
    assert digests == {what: part(**changes).digest for what, changes in PARTS.items()}
    magnitudes = [
        presets.load("maco2023_small").parametrization.fitted(one, (24, 24)) for one in (natural(), natural(3))
    ]
    methods = [dataclasses.replace(presets.load("maco2023_small"), parametrization=one) for one in magnitudes]
    assert len({part(method=method).digest for method in methods}) == 2


def test_pictures_of_what_cannot_be_told_are_not_kept(tmp_path: Path) -> None:
    class Own(Objective):
        name, layers, kind = "own", ("7",), ("own",)

        def check(self, network: Network) -> None: ...

        @classmethod
        def read(cls, members: Any, rows: Tensor) -> Any:
            return lambda outputs: outputs["7"][rows, 0]

    assert len(make_pictures(network(), METHOD, [Own()], seed=0)) == 1
    with pytest.raises(TypeError, match="what a Own is can't be told; make it a dataclass, or give no folder"):
        make_pictures(network(), METHOD, [Own()], seed=0, folder=tmp_path)


def digests_of_all_methods() -> dict[str, str]:
    return {name: part(method=presets.load(name)).digest for name in presets.names()}


IN_A_NEW_PROCESS = f"""
import sys, json
import replications.images.pictures
loaded = [name for name in {HEAVY} if name in sys.modules]
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_kept_pictures import digests_of_all_methods
print(json.dumps([loaded, digests_of_all_methods()]))
"""


def test_another_process_finds_the_files_of_every_method_and_loads_nothing_it_does_not_need() -> None:
    process = subprocess.run([sys.executable, "-c", IN_A_NEW_PROCESS], capture_output=True, text=True, check=True)
    loaded, digests = json.loads(process.stdout)
    assert loaded == []
    assert digests == digests_of_all_methods()
    assert len(set(digests.values())) == len(presets.names())


def _makes(folder: Path, name: str, other: str) -> Tensor:
    (folder / name).touch()
    deadline = time.monotonic() + 10
    while not (folder / other).exists() and time.monotonic() < deadline:  # so that they begin at the same time
        time.sleep(0.005)
    os.environ["LOKY_MAX_CPU_COUNT"] = "1"
    return make_pictures(network(), METHOD, WANTED * 4, seed=3, at_once=1, folder=folder / "parts").images


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two cores to run twice at once")
def test_two_runs_in_one_folder_do_not_harm_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cores(2, monkeypatch)
    first, second = side_by_side(_makes, [(tmp_path, "a", "b"), (tmp_path, "b", "a")])
    names = [path.name for path in (tmp_path / "parts").iterdir()]
    assert len(names) == 28
    assert all(name.endswith(".safetensors") for name in names)
    cores(1, monkeypatch)
    kept = make_pictures(network(), METHOD, WANTED * 4, seed=3, at_once=1, folder=tmp_path / "parts").images
    expected = make_pictures(network(), METHOD, WANTED * 4, seed=3, at_once=1).images
    assert all(torch.equal(images, expected) for images in (first, second, kept))
