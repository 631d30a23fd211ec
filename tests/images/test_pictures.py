"""Many pictures in parts: none depends on the others, and what an interrupted run has made is taken up as it is."""

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
from maximization_networks import convolutional, linear, wrapped
from maximization_networks import weights as random_weights
from torch import Tensor, nn

from replications.images import pictures, presets
from replications.images.objectives import Activation, Direction, Objective, Probability, Several
from replications.images.optimizers import Ascent
from replications.images.parametrization import Pixels
from replications.images.pictures import Pictures, _shared_out, make_pictures
from replications.images.presets import Method
from replications.images.schedule import Octave
from replications.networks.network import Network
from replications.networks.unit import Unit, unit_activations
from replications.workers import side_by_side

WANTED = [Unit("7", i % 4) for i in range(7)]
METHOD = Method("short", [Octave(6, 0.05)], Pixels(0.5, 0.2), Ascent("mean"))
HEAVY = ("joblib", "sklearn", "scipy", "matplotlib", "hydra", "pandas", "wandb")


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    cores(1, monkeypatch)


def cores(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", str(count))


def natural(n: int = 4) -> Tensor:
    return torch.rand(n, 3, 24, 24, generator=torch.Generator().manual_seed(0))


def network() -> Network:
    found = convolutional()
    found.unit_layers = {1: "1", 2: "4"}
    return found


def same(a: Pictures, b: Pictures) -> bool:
    return all(torch.equal(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(Pictures))


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that gets the number of pictures of each part when it is made."""
    made: list[int] = []
    original = pictures._Part.made

    def counting(self: pictures._Part) -> tuple[Tensor, ...]:
        made.append(len(self.wanted))
        return original(self)

    monkeypatch.setattr(pictures._Part, "made", counting)
    return made


# ------------------------------------------------------------------------------------------------- the same picture


def test_a_picture_is_the_same_in_every_part_and_alone() -> None:
    whole = make_pictures(network(), METHOD, WANTED, seed=3)
    assert whole.images.shape == (7, 3, 24, 24)
    for at_once in (1, 2, 3):
        parts = make_pictures(network(), METHOD, WANTED, seed=3, at_once=at_once)
        torch.testing.assert_close(parts.images, whole.images, rtol=0, atol=1e-5)
        torch.testing.assert_close(parts.activations, whole.activations)
    alone = make_pictures(network(), METHOD, WANTED[5:6], seed=3, restarts=[1])  # the second of its unit
    torch.testing.assert_close(alone.images[0], whole.images[5], rtol=0, atol=1e-5)
    assert not torch.allclose(whole.images[1], whole.images[5], atol=1e-2)
    found = METHOD.maximize(network(), WANTED, seed=3)
    torch.testing.assert_close(whole.images, found.images)
    torch.testing.assert_close(whole.activations, found.activations)


@pytest.mark.parametrize("name", ["nguyen2016_mean", "maco2023_small", "vital2025", "yosinski2015"])
def test_processes_beside_this_one_make_the_same_pictures(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    method = presets.load(name).shortened(0.004)
    given: dict[str, Any] = {"natural": natural(), "references": {unit: natural() for unit in WANTED}}
    here = make_pictures(network(), method, WANTED[:4], seed=1, at_once=2, **given)
    threads = torch.get_num_threads()
    cores(2, monkeypatch)
    beside = make_pictures(network(), method, WANTED[:4], seed=1, at_once=2, **given)
    assert same(here, beside)
    assert torch.get_num_threads() == threads


def test_all_the_threads_of_this_process_change_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = torch.get_num_threads()
    one = make_pictures(network(), METHOD, WANTED, seed=3)
    torch.set_num_threads(2)
    try:
        assert same(make_pictures(network(), METHOD, WANTED, seed=3), one)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


# ------------------------------------------------------------------------------------------------------- resumed


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
from test_pictures import digests_of_all_methods
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


# --------------------------------------------------------------------------------------------------- what comes out


def test_starts_of_any_size_are_where_pictures_start() -> None:
    still = Method("still", [Octave(1, 0.0, scale=0.5)], Pixels(0.5, 0.2), Ascent("mean"))
    plain = torch.tensor([0.2, 0.5, 0.9])[:, None, None].expand(3, 40, 60)
    made = make_pictures(network(), still, WANTED[:1], seed=0, starts=plain[None])
    torch.testing.assert_close(made.images, plain[None, :, :24, :24])
    small = make_pictures(network(), still, WANTED[:1], seed=0, starts=plain[None, :, :5, :7])
    torch.testing.assert_close(small.images, made.images)
    exact = natural(1)[:, :, :12, :12]
    whole = dataclasses.replace(still, schedule=[Octave(1, 0.0, scale=0.5), Octave(1, 0.0)])
    found = whole.maximize(network(), WANTED[:1], seed=0, start=exact)
    torch.testing.assert_close(found.images, exact)
    shown = make_pictures(network(), whole, WANTED[:1], seed=0, starts=exact).images
    resized = torch.nn.functional.interpolate(exact, (24, 24), mode="bilinear", antialias=True).clamp(0, 1)
    torch.testing.assert_close(shown, resized)


@pytest.mark.parametrize("name", ["nguyen2016_mean", "deepdream2015", "maco2023_small", "erhan2009", "yosinski2015"])
def test_the_activations_are_those_of_the_pictures(name: str) -> None:
    made = make_pictures(network(), presets.load(name).shortened(0.004), WANTED, seed=0, natural=natural())
    assert made.images.shape[2:] == (24, 24)
    assert 0 <= float(made.images.min()) <= float(made.images.max()) <= 1
    expected = unit_activations(network(), "7", made.images, range(4))
    torch.testing.assert_close(made.activations, torch.stack([expected[i, i % 4] for i in range(7)]))


def test_a_method_that_keeps_the_best_gives_the_best() -> None:
    overshooting = Method("over", [Octave(7, 0.4)], Pixels(0.5, 0.2), Ascent("mean"))
    best = dataclasses.replace(overshooting, keep="best")
    net = network()
    found = best.maximize(net, WANTED, seed=2)
    last, kept = (make_pictures(net, method, WANTED, seed=2) for method in (overshooting, best))
    torch.testing.assert_close(last.images, found.images)
    torch.testing.assert_close(kept.images, found.best_images)
    torch.testing.assert_close(kept.activations, found.best_activations)
    assert not torch.allclose(last.images, kept.images)


def test_a_unit_at_one_position_gives_what_it_sees_unless_others_see_more() -> None:
    net = network()
    corner, middle = Unit("4", 1, (0, 0)), Unit("4", 1, (3, 3))
    field = net.receptive_field("4").box(3, 3)
    size = (field.bottom - field.top, field.right - field.left)
    enlarging = Method("enlarging", [Octave(3, 0.05, scale=1.3)], Pixels(0.5, 0.2), Ascent("mean"))
    alone = make_pictures(net, enlarging, [middle, middle], seed=0, at_once=1)
    assert alone.images.shape == (2, 3, *size)
    assert size < (24, 24)
    # parts of which each could be smaller, but not all alike
    mixed = make_pictures(net, enlarging, [middle, corner, Unit("7", 0)], seed=0, at_once=1)
    assert mixed.images.shape == (3, 3, 24, 24)
    again = make_pictures(net, enlarging, [middle, corner, Unit("7", 0)], seed=0)
    torch.testing.assert_close(mixed.images, again.images, rtol=0, atol=1e-5)
    output = net.forward_to("4", mixed.images)
    expected = torch.stack([output[0, 1, 3, 3], output[1, 1, 0, 0], net.logits(mixed.images)[2, 0]])
    torch.testing.assert_close(mixed.activations, expected)


def test_pictures_that_come_to_nothing_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = random_weights(3)
    weights[1] = 1e38  # its logit is beyond any float
    wanted = [Unit("1", i) for i in (0, 1, 2, 1)]
    diverged = make_pictures(linear(weights), METHOD, wanted, seed=0, at_once=1)
    assert diverged.diverged.tolist() == [False, True, False, True]
    assert diverged.images.isfinite().all()
    assert diverged.trouble(["a", "b", "c", "b"]) == [
        "2 of 4 pictures stopped because their numbers ran away or weren't finite: b."
    ]
    healthy = make_pictures(linear(weights), METHOD, wanted[::2], seed=0)
    torch.testing.assert_close(healthy.images, diverged.images[::2])
    assert healthy.trouble(["a", "c"]) == []

    first = nn.Conv2d(3, 2, 1)
    first.bias = nn.Parameter(torch.tensor([5.0, -100.0]))
    module = nn.Sequential(first, nn.ReLU(), nn.Flatten(), nn.Linear(2 * 8 * 8, 1))
    dead = dataclasses.replace(METHOD, nudge=0.0)
    still = make_pictures(wrapped(module, 1), dead, [Unit("1", 0), Unit("1", 1)], seed=0, at_once=1)
    assert still.unmoved.tolist() == [False, True]
    assert still.nudged.tolist() == [0, 0]
    assert still.trouble(["alive", "dead"]) == [
        "1 of 2 pictures never had a gradient, so only random changes were made: dead."
    ]
    nudged = make_pictures(wrapped(module, 1), METHOD, [Unit("1", 1)], seed=0)
    assert nudged.nudged.tolist() == [6]
    assert len(diverged) == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"wanted": []}, "expected a number of the attempt for each picture, at least one; found 0 for 0"),
        ({"restarts": [0] * 9}, "expected a number of the attempt for each picture, at least one; found 9 for 7"),
        ({"starts": natural(3)}, "expected a start for each picture, at least one; found 3 for 7"),
        ({"starts": natural(7) + 1}, r"images to start from must lie in \[0, 1\]"),
        ({"wanted": [Unit("7", 9)]}, "has channels 0 to 3, not 9"),
        ({"method": presets.load("maco2023_small")}, "natural images are needed"),
        (
            {"method": presets.load("vital2025")},
            "makes pictures like reference images of a unit; there are none of 7:0",
        ),
    ],
)
def test_bad_input_is_refused(changes: dict[str, Any], message: str) -> None:
    given = {"network": network(), "method": METHOD, "wanted": WANTED, "seed": 0, **changes}
    with pytest.raises(ValueError, match=message):
        make_pictures(given.pop("network"), given.pop("method"), given.pop("wanted"), **given)


def test_the_parts_are_even_in_number_and_about_equal() -> None:
    def sizes(count: int, most: int, *, even: bool = True) -> list[int]:
        return [rows.stop - rows.start for rows in _shared_out(count, most, even=even)]

    assert sizes(108, 24) == [18] * 6  # not 24, 24, 24, 24, 12
    assert sizes(24, 24) == [12, 12]
    assert sizes(7, 24) == [7]
    assert sizes(9, 24) == [5, 4]
    assert sizes(108, 24, even=False) == [22, 22, 21, 22, 21]
    for count in range(1, 80):
        found = sizes(count, 6)
        assert sum(found) == count
        assert max(found) <= 6
        assert max(found) - min(found) <= 1
