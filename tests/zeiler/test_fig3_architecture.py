"""Fig. 3: what is counted in the full-size network is what the paper says of it."""

from __future__ import annotations

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import nn

from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.networks.zfnet import zfnet_small
from replications.paths import project_root
from replications.suite import ledger
from replications.suite.interface import Outcome
from replications.zeiler.fig3_architecture import Fig3, _same


class _Context:
    network = Network(
        zfnet_small(3),
        name="zfnet_small",
        classes=("red", "green", "blue"),
        preprocessing=Preprocessing(64),
        paper_layers={1: "norm1", 2: "norm2", 3: "relu3", 4: "relu4", 5: "pool5", 6: "relu6", 7: "relu7"},
    )


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    experiment = instantiate(OmegaConf.load(project_root() / "conf/experiment/zeiler/fig3.yaml"))
    assert isinstance(experiment, Fig3)
    return experiment.run(_Context())  # type: ignore[arg-type]


def test_every_cell_of_the_architecture_is_counted_and_as_reported(outcome: Outcome) -> None:
    rows = {row.id: row for row in ledger.load("zeiler").rows if row.experiment == "fig3"}
    expected = {(row.id, cell): value.value for row in rows.values() for cell, value in row.cells.items()}
    found = {(m.reported, m.cell): m.values for m in outcome.measurements if m.reported}
    assert found == {key: (value,) for key, value in expected.items()}
    assert set(rows) == set(Fig3.answers)


def test_parameters_and_receptive_fields_are_those_of_the_networks(outcome: Outcome) -> None:
    values = {m.name: m.values for m in outcome.measurements}
    convolutions = 96 * (3 * 49 + 1) + 256 * (96 * 25 + 1) + 384 * (256 * 9 + 1) + 384 * (384 * 9 + 1)
    convolutions += 256 * (384 * 9 + 1)
    vectors = 4096 * (9216 + 1) + 4096 * (4096 + 1) + 1000 * (4096 + 1)
    assert values["zfnet/parameters"] == (convolutions + vectors,)
    assert values["network/parameters"] == (sum(p.numel() for p in zfnet_small(3).parameters()),)
    assert values["zfnet/receptive field of a unit"] == (7, 27, 75, 107, 139)
    weights = [row[-1] for table in outcome.tables[:1] for row in table.rows]
    assert sum(int(w) for w in weights if w) == convolutions + vectors


def test_a_number_that_differs_between_layers_is_refused() -> None:
    assert _same((3, 3, 3)) == 3
    assert _same(nn.MaxPool2d(2).kernel_size) == 2
    with pytest.raises(ValueError, match="same number"):
        _same((3, 5))
