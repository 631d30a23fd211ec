"""Fig. 3: the architecture, drawn and counted from the network itself.

Zeiler & Fergus 2014, Fig. 3: an 8-layer convnet. Here the full-size network of this project (`networks/zfnet`) is
built, without storage for its weights, and every size in the drawing, in the table and in the measurements is read
from what was built; so is the drawing of the network that the other experiments of the profile look into.

Deviation: squares grow with the square root of the maps' side, so that 13 can be seen beside 224; the paper's drawing
isn't to scale either.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Literal

import torch

from replications.networks.blocks import Block, blocks, every_block, parameter_count
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.networks.zfnet import zfnet
from replications.suite.interface import Context, Experiment, Measurement, Outcome, Picture, Table
from replications.zeiler import fig3_drawing

PAPER_LAYERS = {1: "norm1", 2: "norm2", 3: "relu3", 4: "relu4", 5: "pool5", 6: "relu6", 7: "relu7"}
UNIT_LAYERS = {n: f"relu{n}" for n in range(1, 6)}
OPERATIONS = {
    "input": "image",
    "conv": "convolution",
    "linear": "fully connected",
    "max_pool": "max pooling",
    "avg_pool": "average pooling",
    "global_avg_pool": "average of all positions",
    "cat": "joined maps",
    "add": "sum",
    "multiply": "product",
}


@dataclasses.dataclass(frozen=True)
class Fig3(Experiment):
    """input_size: height and width of the image in pixels; classes: how many the full-size network tells apart."""

    name: ClassVar[str] = "fig3"
    title: ClassVar[str] = "Architecture of the 8-layer convnet"
    paper: ClassVar[str] = "zeiler"
    answers: ClassVar[tuple[str, ...]] = tuple(f"ZF-A0{i}" for i in range(1, 10))
    needs: ClassVar[tuple[Literal["network", "evaluator", "data"], ...]] = ("network",)

    input_size: int
    classes: int

    def run(self, context: Context) -> Outcome:
        full, own = full_size(self.input_size, self.classes), context.network
        outcome = Outcome(measurements=_counted(full))
        for key, network, title in (
            ("zfnet", full, "ZFNet at full size"),
            ("network", own, f"{own.name}, the network of this profile"),
        ):
            fields = [network.receptive_field(layer).size[0] for _, layer in sorted(network.unit_layers.items())]
            outcome.measurements += [
                Measurement(f"{key}/parameters", [parameter_count(network)], "weights and biases", "network"),
            ]
            if fields:
                name = f"{key}/receptive field of a unit"
                outcome.measurements.append(Measurement(name, fields, "pixels", "layer"))
            outcome.pictures.append(_picture(key, network, title))
            outcome.tables.append(_table(key, network, title))
        return outcome


def full_size(input_size: int, classes: int) -> Network:
    """ZFNet as the project builds it, on torch's meta device: shapes without numbers."""
    with torch.device("meta"):
        module = zfnet(classes, input_size=input_size)
    return Network(
        module,
        name="zfnet",
        classes=[f"class {i}" for i in range(classes)],
        preprocessing=Preprocessing(input_size),
        paper_layers=PAPER_LAYERS,
        unit_layers=UNIT_LAYERS,
    )


def _counted(network: Network) -> list[Measurement]:
    """The counterparts of what the paper says of its network."""
    module: dict[str, Any] = {node.name: node.module for node in network.nodes}
    shape = network.shape
    middle = ("conv3", "conv4", "conv5")
    window, step = module["pool1"].kernel_size, module["pool1"].stride
    rows: list[tuple[str, str, float, str]] = [
        ("ZF-A01", "side", shape("input")[1], "pixels"),
        ("ZF-A01", "planes", module["conv1"].in_channels, "colour planes"),
        ("ZF-A02", "filters", module["conv1"].out_channels, "filters"),
        ("ZF-A02", "size", _same(module["conv1"].kernel_size), "pixels"),
        ("ZF-A02", "stride", _same(module["conv1"].stride), "pixels"),
        ("ZF-A03", "pooling size", _same(window), "places"),
        ("ZF-A03", "pooling stride", _same(step), "places"),
        ("ZF-A03", "maps", shape("norm1")[0], "maps"),
        ("ZF-A03", "side", _same(shape("norm1")[1:]), "places"),
        ("ZF-A04", "stride", _same(module["conv2"].stride), "places"),
        ("ZF-A05", "filters", module["conv2"].out_channels, "filters"),
        ("ZF-A05", "size", _same(module["conv2"].kernel_size), "places"),
        ("ZF-A05", "stride", _same(module["conv2"].stride), "places"),
        ("ZF-A05", "side before pooling", _same(shape("conv2")[1:]), "places"),
        ("ZF-A05", "side", _same(shape("norm2")[1:]), "places"),
        *[("ZF-A06", f"layer {name[-1]} maps", module[name].out_channels, "maps") for name in middle],
        ("ZF-A06", "size", _same([k for name in middle for k in module[name].kernel_size]), "places"),
        ("ZF-A06", "stride", _same([s for name in middle for s in module[name].stride]), "places"),
        ("ZF-A06", "side", _same([n for name in middle for n in shape(name)[1:]]), "places"),
        ("ZF-A07", "vector length", module["fc6"].in_features, "units"),
        ("ZF-A08", "layer 6", module["fc6"].out_features, "units"),
        ("ZF-A08", "layer 7", module["fc7"].out_features, "units"),
    ]
    places = {"ZF-A01": "input", "ZF-A02": "layer 1", "ZF-A03": "layer 1 after pooling", "ZF-A04": "layer 2 (Sec. 5.1)"}
    places |= {"ZF-A05": "layer 2", "ZF-A06": "layers 3 to 5", "ZF-A07": "layer 5 after pooling", "ZF-A08": "units"}
    counted = [
        Measurement(f"zfnet/{places[row]}/{cell}", [value], unit, "network", reported=row, cell=cell)
        for row, cell, value, unit in rows
    ]
    groups = [module[name].groups for name in middle]
    counted.append(Measurement("zfnet/groups of maps in layers 3 to 5 (1: dense)", groups, "groups", "layer"))
    return counted


def _same(values: Any) -> int:
    """The one number that all of `values` are. Raises ValueError where they differ."""
    found = {values} if isinstance(values, int) else set(values)
    if len(found) != 1:
        raise ValueError(f"expected the same number along both axes and in each layer, found {sorted(found)}")
    return int(found.pop())


def _picture(key: str, network: Network, title: str) -> Picture:
    size = f"{network.input_size}×{network.input_size} pixels, {len(network.classes)} classes"
    figure = fig3_drawing.draw(f"{title}: {size}, {parameter_count(network):,} parameters", blocks(network))
    caption = (
        "Squares are maps (height × width × how many), bars are units; sides, depths and heights grow with the square "
        "roots of the numbers. The red window is what one unit of the next block reads, as large as it is in the map. "
        "All sizes are read from the network."
    )
    return Picture(key, f"Fig. 3: {title}", caption, figure)


def _table(key: str, network: Network, title: str) -> Table:
    columns = (
        "layer",
        "name",
        "operation",
        "maps or units",
        "window",
        "stride",
        "output",
        "receptive field",
        "weights",
    )
    rows = [_row(network, block) for block in every_block(network)]
    caption = (
        "Window and stride in places of what the operation reads; output as height × width; receptive field of one "
        "unit in pixels of the image, borders disregarded; weights with biases."
    )
    return Table(f"{key}-layers", f"Layers of {title}", columns, rows, caption)


def _row(network: Network, block: Block) -> list[str | float | int | None]:
    layer = "input" if block.layer == 0 else "output" if block.layer is None else f"layer {block.layer}"
    operation = OPERATIONS[block.kind]
    if block.kind in ("cat", "add", "multiply"):
        operation += " of " + ", ".join(network.node(block.name).inputs)
    operation = ", ".join([operation, *block.afterwards])
    window = None if block.window is None else f"{block.window}×{block.window}"
    output = f"{block.shape[1]}×{block.shape[2]}" if len(block.shape) == 3 else None
    return [
        layer, block.name, operation, block.shape[0], window, block.stride, output, _field(network, block),
        block.parameters or None,
    ]  # fmt: skip


def _field(network: Network, block: Block) -> str | None:
    if block.kind == "input":
        return None
    field = network.receptive_field(block.name)
    return "whole image" if field.stride == (0, 0) else f"{field.size[0]}×{field.size[1]}"
