"""A tiny world of units: plain colours as facets, a network with hidden units for them, a generator for its codes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from contexts import given
from omegaconf import OmegaConf
from safetensors.torch import save_file
from torch import Tensor, nn

from replications.data.image_set import DataSource, ImageSet
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.paths import project_root
from replications.ppgn.generator import small_generator

SIZE = 16
COLOURS = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.9, 0.1], [0.1, 0.1, 0.9], [0.9, 0.9, 0.1]])
FACETS = ("a/red", "a/green", "b/blue", "b/yellow")


class Colours(ImageSet):
    """Images of one plain colour with a little noise, the facets in turn."""

    name, classes, facets, size = "colours", ("a", "b"), FACETS, SIZE
    provides = frozenset({"facets"})

    def __init__(self, count: int, first: int = 0) -> None:
        self.facet_labels = torch.arange(count) % 4
        self.labels, self.first = self.facet_labels // 2, first

    @property
    def fingerprint(self) -> str:
        return f"colours {len(self)} {self.first}"

    def images(self, indices: Sequence[int] | Tensor) -> Tensor:
        wanted = torch.as_tensor(indices, dtype=torch.int64)
        streams = [torch.Generator().manual_seed(self.first + i) for i in wanted.tolist()]
        noise = torch.stack([torch.rand(3, SIZE, SIZE, generator=stream) for stream in streams])
        return COLOURS[self.facet_labels[wanted]][:, :, None, None] * 0.9 + 0.1 * noise


def network() -> Network:
    """conv5, relu5 (maps), fc6, relu6 (the code), fc8; of the hidden units half answer to red or blue, half to red or
    green, as do the maps."""
    convolution, wide, last = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 8), nn.Linear(8, 2)
    likes = torch.tensor([[1.0, -1.0, 1.0], [1.0, 1.0, -1.0]]).repeat(2, 1)
    with torch.no_grad():
        convolution.weight.zero_()
        convolution.weight[:, :, 1, 1] = likes * torch.tensor([1.0, 1.0, 1.2, 0.8])[:, None]
        convolution.bias.fill_(-0.2)  # type: ignore[union-attr]
        wide.weight.copy_(torch.eye(4).repeat(2, 1) * torch.linspace(0.8, 1.2, 8)[:, None])
        wide.bias.zero_()
        nn.init.normal_(last.weight, generator=torch.Generator().manual_seed(0))
        last.bias.zero_()
    module = nn.Sequential()
    parts = (convolution, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), wide, nn.ReLU(), last)
    for name, part in zip(("conv5", "relu5", "pool5", "flatten", "fc6", "relu6", "fc8"), parts, strict=True):
        module.add_module(name, part)
    return Network(
        module,
        name="hidden toy",
        classes=("a", "b"),
        preprocessing=Preprocessing(SIZE, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)),
        paper_layers={5: "pool5", 6: "relu6"},
        unit_layers={5: "relu5"},
    )


def judge() -> Network:
    """Its outputs are the facets; the colour nearest to the mean of an image is likeliest."""
    convolution, linear = nn.Conv2d(3, 3, 1), nn.Linear(3, 4)
    with torch.no_grad():
        convolution.weight.copy_(torch.eye(3)[:, :, None, None])
        convolution.bias.zero_()  # type: ignore[union-attr]
        linear.weight.copy_(80 * COLOURS)
        linear.bias.copy_(-40 * COLOURS.square().sum(1))
    module = nn.Sequential(convolution, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear)
    preprocessing = Preprocessing(SIZE, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    return Network(module, name="colour judge", classes=FACETS, preprocessing=preprocessing)


def configured(folder: Path) -> dict[str, Any]:
    """What conf/ppgn says of a generator for the network's codes, which it writes."""
    encoder, path = network(), folder / "generator.safetensors"
    generator = small_generator(8, SIZE, 2)
    save_file({name: tensor.contiguous() for name, tensor in generator.state_dict().items()}, path)
    about = {
        "architecture": "small_generator",
        "arguments": {"code": 8, "size": SIZE, "width": 2},
        "encoder": {
            "network": encoder.name,
            "fingerprint": encoder.fingerprint,
            "code_layer": "relu6",
            "comparator_layer": "pool5",
        },
        "codes": {"low": 0.0, "high": 1.0, "root_mean_square": 0.5},
    }
    path.with_suffix(".json").write_text(json.dumps(about))
    name = "noiseless_joint_ppgn_h"
    sampler = OmegaConf.to_container(OmegaConf.load(project_root() / f"conf/sampler/{name}.yaml"))
    return {
        "network": encoder.name,
        "known_images": 40,
        "rate_factor": 1.0,
        "clip": "range",
        "samplers": {name: sampler},
        "files": {name: {"generator": str(path)}},
    }


def context(folder: Path) -> Any:
    """What an experiment is given."""
    data = DataSource("colours", Colours(240), Colours(200, first=1000))
    return given(folder, network=network(), evaluator=judge(), data=data)
