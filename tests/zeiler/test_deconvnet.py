from __future__ import annotations

import pytest
import torch
from deconvnet_networks import BUILDERS, SIZE, build, images, two_strides
from slow_deconvnet import slow_projection
from torch import Tensor

from replications.zeiler import deconvnet
from replications.zeiler.deconvnet import Units


def all_units(record: deconvnet.Switches) -> Units:
    channels, height, width = (*record.layer_shape, 1, 1)[:3]
    grid = torch.cartesian_prod(*(torch.arange(n) for n in (len(record.activations), channels, height, width)))
    return Units(*grid.T)


def some_units(record: deconvnet.Switches, count: int, seed: int) -> Units:
    """A sample of units with the corners of the map among them."""
    units = all_units(record)
    order = torch.randperm(len(units), generator=torch.Generator().manual_seed(seed))[:count]
    return units[torch.cat([torch.tensor([0, len(units) - 1]), order])]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", BUILDERS)
def test_equals_the_definition_at_every_layer(name: str, seed: int) -> None:
    network, batch = build(name, seed), images(2, seed)
    for layer in network.layers:
        record = deconvnet.record(network, batch, layer)
        units = some_units(record, 4, seed)
        expected = [
            slow_projection(network.nodes, batch[i].numpy(), layer, (c, y, x)[: len(record.layer_shape)])
            for i, c, y, x in torch.stack([units.image, units.channel, units.y, units.x], 1).tolist()
        ]
        for crop in (True, False):
            found = deconvnet.project(record, units, crop=crop).full()
            torch.testing.assert_close(found, torch.stack([torch.tensor(e) for e in expected]), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("name", BUILDERS)
def test_crop_is_the_whole_inside_its_box_and_the_whole_is_zero_outside(name: str) -> None:
    network = build(name, 3)
    for layer in network.layers:
        record = deconvnet.record(network, images(2, 3), layer)
        units = all_units(record)
        cropped, full = deconvnet.project(record, units), deconvnet.project(record, units, crop=False)
        assert full.images.shape[2:] == SIZE
        assert (cropped.boxes[:, 2] - cropped.boxes[:, 0] == cropped.images.shape[2]).all()
        assert (cropped.boxes[:, 3] - cropped.boxes[:, 1] == cropped.images.shape[3]).all()
        torch.testing.assert_close(cropped.full(), full.images, rtol=1e-10, atol=1e-13)


def test_the_crop_is_the_receptive_field_and_not_larger() -> None:
    record = deconvnet.record(build("fire", 0), images(1, 0), "wide")
    # conv1 3 stride 2 without padding, then 3x3 with padding 1: 3 + 2 * 2 pixels, the first starting at -2
    projection = deconvnet.project(record, Units.of(0, 0, [0, 2], [0, 3]))
    assert projection.images.shape == (2, 3, 7, 7)
    assert projection.boxes.tolist() == [[-2, -2, 5, 5], [2, 4, 9, 11]]


def test_the_crop_is_what_a_gradient_reaches() -> None:
    network, batch = build("residual", 1), images(1, 1)
    record = deconvnet.record(network, batch, "conv3")
    (box,) = deconvnet.project(record, Units.of(0, 0, 4, 4)).boxes.tolist()
    image = batch.clone().requires_grad_()
    values: dict[str, Tensor] = {"input": image}
    for node in network.nodes[:7]:
        values[node.name] = (
            torch.nn.functional.softplus(values[node.inputs[0]])
            if node.kind == "relu"
            else (node.module(values[node.inputs[0]]))
        )
    (gradient,) = torch.autograd.grad(values["conv3"][0, 0, 4, 4], image)
    rows, columns = gradient[0].abs().sum(0).nonzero().T
    assert box == [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]


@pytest.mark.parametrize("layer", ["relu1", "conv2", "norm2"])
def test_batch_equals_each_image_alone(layer: str) -> None:
    network, batch = build("zeiler_chain", 4), images(3, 4)
    record = deconvnet.record(network, batch, layer)
    units = some_units(record, 30, 4)
    together = deconvnet.project(record, units)
    for index in range(len(units)):
        unit = units[index : index + 1]
        alone = deconvnet.record(network, batch[int(unit.image) : int(unit.image) + 1], layer)
        found = deconvnet.project(alone, Units.of(0, unit.channel, unit.y, unit.x))
        torch.testing.assert_close(found.images[0], together.images[index], rtol=1e-10, atol=1e-13)
        assert torch.equal(found.boxes[0], together.boxes[index])


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("crop", [True, False])
def test_the_memory_budget_does_not_change_the_result(name: str, crop: bool) -> None:
    network = build(name, 5)
    record = deconvnet.record(network, images(2, 5), network.layers[5])
    units = some_units(record, 11, 5)
    whole = deconvnet.project(record, units, crop=crop)
    for budget in (1, 100_000):
        chunked = deconvnet.project(record, units, crop=crop, budget=budget)
        torch.testing.assert_close(chunked.images, whole.images, rtol=1e-12, atol=1e-14)


def test_layer_1_projections_are_the_filters_times_the_activation() -> None:
    network, batch = build("zeiler_chain", 6), images(2, 6)
    filters = network.node("conv1").module.weight
    record = deconvnet.record(network, batch, "relu1")
    units = deconvnet.strongest(record)
    activation = record.activations[units.image, units.channel, units.y, units.x]
    projection = deconvnet.project(record, units)
    inner = (units.y > 0) & (units.y < 7) & (units.x > 0) & (units.x < 6)
    assert inner.sum() > 3
    expected = filters[units.channel] * activation[:, None, None, None]
    torch.testing.assert_close(projection.images[inner], expected[inner])
    torch.testing.assert_close(
        deconvnet.project(record, units, start="one").images[inner], filters[units.channel][inner]
    )


def test_whole_maps_and_signals_of_linear_layers_are_sums_of_their_units() -> None:
    """Below the first rectification the descent is linear, so a map's projection is the sum of its units'."""
    network, batch = build("zeiler_chain", 7), images(2, 7)
    record = deconvnet.record(network, batch, "conv1")
    units = all_units(record)
    each = deconvnet.project(record, units, crop=False).images
    for image, channel in ((0, 1), (1, 4)):
        (whole,) = deconvnet.project_maps(record, [image], [channel])
        chosen = (units.image == image) & (units.channel == channel)
        torch.testing.assert_close(whole, each[chosen].sum(0))


def test_a_signal_of_one_unit_is_that_unit_and_the_map_of_a_vector_is_its_unit() -> None:
    network, batch = build("leaky_chain", 8), images(2, 8)
    record = deconvnet.record(network, batch, "fc4")
    units = Units.of([0, 1, 1], [2, 0, 1])
    signals = torch.zeros(3, 3, dtype=torch.float64)
    signals[torch.arange(3), units.channel] = record.activations[units.image, units.channel]
    expected = deconvnet.project(record, units).images
    torch.testing.assert_close(deconvnet.project_signals(record, signals, units.image), expected)
    torch.testing.assert_close(deconvnet.project_maps(record, units.image, units.channel, budget=1), expected)


def test_strongest_finds_the_maximum_of_each_map_image_by_image() -> None:
    network, batch = build("fire", 9), images(3, 9)
    record = deconvnet.record(network, batch, "wide")
    units = deconvnet.strongest(record, [3, 1])
    assert units.image.tolist() == [0, 0, 1, 1, 2, 2]
    assert units.channel.tolist() == [3, 1] * 3
    found = record.activations[units.image, units.channel, units.y, units.x]
    assert torch.equal(found.reshape(3, 2), record.activations[:, [3, 1]].amax((2, 3)))
    logits = deconvnet.strongest(deconvnet.record(build("residual", 9), batch, "fc"))
    assert logits.channel.tolist() == [0, 1, 2, 3] * 3
    assert logits.y.tolist() == logits.x.tolist() == [0] * 12


def test_record_keeps_only_what_the_way_back_needs() -> None:
    network = build("zeiler_chain", 0)
    record = deconvnet.record(network, images(2, 0), "conv2")
    assert set(record.stored) == {"pool1", "norm1"}
    assert record.stored["pool1"].dtype == torch.uint8
    assert [node.name for node in record.nodes] == ["conv1", "relu1", "pool1", "norm1", "conv2"]


@pytest.mark.parametrize("name", BUILDERS)
def test_record_computes_the_networks_own_activations(name: str) -> None:
    network, batch = build(name, 2), images(2, 2)
    values = {"input": batch}
    for node in network.nodes:
        values[node.name] = node.module(*[values[source] for source in node.inputs])
        torch.testing.assert_close(deconvnet.record(network, batch, node.name).activations, values[node.name])


def test_no_units_give_no_projections() -> None:
    record = deconvnet.record(build("fire", 0), images(1, 0), "wide")
    nothing = deconvnet.project(record, Units.of([], [], [], []))
    assert nothing.images.shape == (0, 3, 7, 7)
    assert nothing.boxes.shape == (0, 4)


@pytest.mark.parametrize(
    ("unit", "message"),
    [
        ((2, 0, 0, 0), "image 2 at layer 'wide': expected 0 to 1"),
        ((0, 4, 0, 0), "channel 4 at layer 'wide': expected 0 to 3"),
        ((0, 0, 8, 0), "y 8 at layer 'wide': expected 0 to 7"),
        ((0, 0, 0, -1), "x -1 at layer 'wide': expected 0 to 6"),
    ],
)
def test_a_unit_outside_the_layer_is_refused(unit: tuple[int, int, int, int], message: str) -> None:
    record = deconvnet.record(build("fire", 0), images(2, 0), "wide")
    with pytest.raises(IndexError, match=message):
        deconvnet.project(record, Units.of(*unit))


def test_signals_of_another_shape_and_channels_that_are_not_there_are_refused() -> None:
    record = deconvnet.record(build("fire", 0), images(1, 0), "wide")
    with pytest.raises(ValueError, match=r"takes signals of shape \(M, 4, 8, 7\)"):
        deconvnet.project_signals(record, torch.zeros(1, 4, 7, 8, dtype=torch.float64), torch.zeros(1).long())
    with pytest.raises(IndexError, match="channel 4"):
        deconvnet.strongest(record, [4])


def test_display_is_grey_at_zero_and_keeps_the_sign() -> None:
    projections = torch.zeros(2, 3, 2, 2)
    projections[0, 0, 0, 0], projections[0, 1, 1, 1] = -4.0, 2.0
    pictures = deconvnet.normalize_for_display(projections, saturated=0.0)
    assert (pictures[1] == 0.5).all()
    assert pictures[0, 0, 0, 0] == 0
    assert pictures[0, 1, 1, 1] == 0.75
    assert pictures[0, 2].unique().tolist() == [0.5]


def test_few_strong_pixels_do_not_hide_the_rest() -> None:
    projection = torch.zeros(1, 3, 20, 20)
    projection[0, 0] = torch.where(torch.arange(400).reshape(20, 20) % 2 == 0, 1.0, -1.0)
    projection[0, 0, 0, :2] = torch.tensor([100.0, -100.0])
    pictures = deconvnet.normalize_for_display(projection, saturated=0.01)
    assert pictures[0, 0].unique().tolist() == [0.0, 1.0]
    assert (pictures[0, 1:] == 0.5).all()


def test_branches_of_different_stride_fall_back_to_whole_maps() -> None:
    network = two_strides()
    record = deconvnet.record(network, images(1, 0), "relu")
    units = some_units(record, 5, 0)
    found = deconvnet.project(record, units)
    assert found.boxes.tolist() == [[0, 0, *SIZE]] * len(units)
    for index, (c, y, x) in enumerate(torch.stack([units.channel, units.y, units.x], 1).tolist()):
        expected = slow_projection(network.nodes, images(1, 0)[0].numpy(), "relu", (c, y, x))
        torch.testing.assert_close(found.images[index], torch.tensor(expected))
