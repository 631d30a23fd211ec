"""Images whose facet is their colour, a network that it drives, and a judge that tells it; pictures to look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from replications.compare.looked import Eyes
from replications.compare.protocol import Protocol
from replications.compare.subjects import Subject
from replications.data.image_set import ImageSet
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.networks.unit import Unit, unit_activations
from replications.suite.context import seed_of

SIZE = 24
COLOURS = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.9, 0.1], [0.1, 0.1, 0.9], [0.9, 0.9, 0.9]])
FACETS = ("a/red", "a/green", "b/blue", "b/white")
CLASSES = ("a", "b")
_PLAIN = Preprocessing(size=SIZE, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


class Clouds(ImageSet):
    """Clouds of one colour; the facets take turns."""

    def __init__(self, count: int, seed: int = 0, *, known: bool = True) -> None:
        self.name, self.size, self.classes, self.seed = "clouds", SIZE, CLASSES, seed
        self.facet_labels = torch.arange(count) % len(FACETS)
        self.labels = self.facet_labels // 2
        self.facets = FACETS
        self.provides = frozenset({"facets"}) if known else frozenset()
        random = torch.Generator().manual_seed(seed)
        coarse = torch.rand(count, 1, 4, 4, generator=random)
        shade = 0.4 + 0.6 * F.interpolate(coarse, (SIZE, SIZE), mode="bilinear", align_corners=True)
        tint = 0.1 * torch.rand(count, 3, 1, 1, generator=random)
        self.pixels = (COLOURS[self.facet_labels][:, :, None, None] * shade + tint).clamp(0, 1)

    @property
    def fingerprint(self) -> str:
        return f"clouds {len(self)} {self.seed}"

    def images(self, indices: Sequence[int] | Tensor) -> Tensor:
        return self.pixels[torch.as_tensor(indices, dtype=torch.int64)]


def seeing_network(name: str = "seeing") -> Network:
    """relu1 fires for red, green, blue and white; the logits are those of a class together."""
    colours = nn.Conv2d(3, 4, 1)
    classes = nn.Linear(4, 2, bias=False)
    with torch.no_grad():
        rows = [[1.0, -1, -1], [-1.0, 1, -1], [-1.0, -1, 1], [1.0, 1, 1]]
        colours.weight.copy_(torch.tensor(rows)[:, :, None, None])
        colours.bias.copy_(torch.tensor([0.0, 0, 0, -1.5]))  # type: ignore[union-attr]
        classes.weight.copy_(10 * torch.tensor([[1.0, 1, -1, -1], [-1.0, -1, 1, 1]]))
    module = nn.Sequential()
    parts = {"conv1": colours, "relu1": nn.ReLU(), "mean": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten()}
    for key, part in {**parts, "fc": classes}.items():
        module.add_module(key, part)
    return Network(
        module, name=name, classes=CLASSES, preprocessing=_PLAIN, paper_layers={1: "relu1"}, unit_layers={1: "relu1"}
    )


def facet_judge(outputs: Sequence[str] = FACETS, name: str = "judge") -> Network:
    """The nearest colour to the mean one is likeliest. Its second map has an eighth of the image's places."""
    same, linear = nn.Conv2d(3, 3, 1), nn.Linear(3, len(outputs))
    colours = 0.7 * COLOURS if len(outputs) == len(FACETS) else torch.stack([COLOURS[:2].mean(0), COLOURS[2:].mean(0)])
    with torch.no_grad():
        same.weight.copy_(torch.eye(3)[:, :, None, None])
        same.bias.zero_()  # type: ignore[union-attr]
        linear.weight.copy_(80 * colours)
        linear.bias.copy_(-40 * colours.square().sum(1))
    pooled = (nn.AvgPool2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    module = nn.Sequential(same, nn.ReLU(), *pooled, linear)
    return Network(module, name=name, classes=tuple(outputs), preprocessing=_PLAIN)


def protocol(**changes: object) -> Protocol:
    settings = {
        "pictures": 4,
        "seeds": (0, 1),
        "classes": None,
        "hidden": {1: 1},
        "passes": 8,
        "training_images": 100,
        "validation_images": 240,
        "liked": 12,
        "least_share": 0.1,
        "trials": 10,
        "hard_queries": (0.6, 0.8),
        "natural_clusters": 2,
    }
    return Protocol(**{**settings, **changes})  # type: ignore[arg-type]


def subjects(network: Network, images: Clouds) -> list[Subject]:
    """Both classes, and the hidden unit that fires for red."""
    told = bool(images.provides)
    found = []
    for channel, name in enumerate(CLASSES):
        unit = Unit("fc", channel)
        natural = unit_activations(network, "fc", images.pixels, [channel], "max")[:, 0]
        facets = {facet: 0.5 for facet in FACETS if facet.startswith(name)} if told else {}
        liked = (images.labels == channel).nonzero().flatten()
        found.append(Subject(name, "class", None, unit, unit, name, natural, liked, facets))
    unit = Unit("relu1", 0, (SIZE // 2, SIZE // 2))
    natural = unit_activations(network, "relu1", images.pixels, [0], "max")[:, 0]
    liked = natural.argsort(descending=True, stable=True)[:12]
    facets = {"a/red": 1.0} if told else {}
    return [*found, Subject("red", "hidden", 1, unit, Unit("conv1", 0, unit.position), None, natural, liked, facets)]


def generator(*name: str | int) -> torch.Generator:
    return torch.Generator().manual_seed(seed_of(0, *name))


def eyes(
    *, judge: Network | None = None, others: dict[str, Network] | None = None, known: bool = True, **changes: object
) -> Eyes:
    """Looks at pictures of the three subjects, with as many validation images."""
    network, images = seeing_network(), Clouds(240, seed=1, known=known)
    return Eyes(
        network, judge or facet_judge(), others or {}, images, protocol(**changes), subjects(network, images), generator
    )


def drawn(seed: int, count: int = 4) -> Tensor:
    """(3, count, 3, SIZE, SIZE): natural images that excite each subject, none of them a validation image."""
    images = Clouds(800, seed=100 + seed)
    random = torch.Generator().manual_seed(seed)
    found = []
    for subject in subjects(seeing_network(), images):
        best = subject.natural.argsort(descending=True, stable=True)[:24]
        found.append(images.images(best[torch.randperm(len(best), generator=random)[:count]]))
    return torch.stack(found)


def _mixed(seed: int) -> Tensor:
    """Averages of two facets of the class, the second time around of another image; red and green for the unit too."""
    images = Clouds(80, seed=200 + seed)
    first = [0, 2, 0]
    own = [images.images(torch.arange(4) * 4 + facet) for facet in first]
    other = [images.images(torch.arange(4) * 4 + facet + 1) for facet in first]
    return (torch.stack(own) + torch.stack(other)) / 2


PICTURES: dict[str, Callable[[int], Tensor]] = {
    "natural": drawn,
    "copies": lambda seed: drawn(seed)[:, :1].expand(-1, 4, -1, -1, -1).contiguous(),
    "mixtures": _mixed,
    "of others": lambda seed: drawn(seed)[[1, 0, 1]],
    "noise": lambda seed: torch.rand(3, 4, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(seed)),
}
