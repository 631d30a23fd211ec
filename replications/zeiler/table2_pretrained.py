"""Table 2 for the network at hand: its classification error, with one view of an image and with ten.

The paper's table is of networks that it trained (`table2_classification_error`). This one trains nothing: it says how
well the run's own network classifies the run's validation images, by the paper's protocol (Sec. 3: the four corners
and the centre of the image, each also mirrored, probabilities averaged), so that every other figure can be read
beside it.

An ImageNet network answers among its thousand classes, also where the images are of a few of them. Images no larger
than the network's input are enlarged for the ten views (`replications.training.evaluate`), which the paper's were
not.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from metrics.classification import top_k_wrong
from metrics.statistics import proportion_interval
from replications.drawing import PALETTE, new_figure, style
from replications.networks.network import UnknownClass
from replications.suite.interface import Context, Experiment, Measurement, Outcome, Picture, Table
from replications.training.evaluate import crops_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Wrong = dict[tuple[int, int], Tensor]  # (views, k) -> (N,) bool


@dataclasses.dataclass(frozen=True)
class Table2Pretrained(Experiment):
    """images: how many validation images, drawn at random (all where there are fewer)."""

    name: ClassVar[str] = "table2_pretrained"
    title: ClassVar[str] = "Table 2 for the network at hand: classification error"
    paper: ClassVar[str] = "zeiler"

    images: int

    def missing(self, context: Context) -> str | None:
        try:
            for name in context.data.classes:
                context.network.class_index(name)
        except UnknownClass as error:
            return f"needs a network that knows the classes of the images: {error}"
        return None

    def run(self, context: Context) -> Outcome:
        network, data = context.network, context.data.validation
        order = torch.randperm(len(data), generator=context.generator("images"))
        chosen = order[: self.images].sort().values
        outputs = torch.tensor([network.class_index(name) for name in data.classes])
        parts: dict[tuple[int, int], list[Tensor]] = {}
        batches = list(chosen.split(50))
        with torch.inference_mode():
            for indices in context.progress(batches, "images"):
                images, labels = data.images(indices), outputs[data.labels[indices]]
                for views in (1, 10):
                    crops = list(crops_of(images, network.input_size, views))
                    mean = torch.stack([network.probabilities(crop).cpu().double() for crop in crops]).mean(0)
                    for k in (1, 5) if mean.shape[1] > 5 else (1,):
                        parts.setdefault((views, k), []).append(top_k_wrong(mean, labels, k))
        wrong = {key: torch.cat(each) for key, each in parts.items()}
        return Outcome(
            measurements=[
                Measurement(_name(*key), (100 * each.double()).tolist(), "% error", "validation image", "lower")
                for key, each in wrong.items()
            ],
            pictures=[_picture(wrong, network.name, len(network.classes))],
            tables=[_table(wrong, network.name)],
        )


def _name(views: int, k: int) -> str:
    return f"val top-{k}/{views} view{'s' if views > 1 else ''}"


def _interval(wrong: Tensor) -> tuple[float, float, float]:
    """Percent wrong, with Wilson's interval."""
    share, low, high = proportion_interval(int(wrong.sum()), len(wrong))
    return 100 * share, 100 * low, 100 * high


def _table(wrong: Wrong, network: str) -> Table:
    rows: list[list[str | float | None]] = []
    for key, each in wrong.items():
        share, low, high = _interval(each)
        rows.append([_name(*key), f"{share:.1f}", f"{low:.1f} to {high:.1f}", len(each)])
    return Table(
        "errors", f"Classification error of {network}", ("error", "%", "95 % interval (Wilson)", "images"), rows
    )


def _picture(wrong: Wrong, network: str, classes: int) -> Picture:
    return Picture(
        "errors",
        f"Classification error of {network}",
        f"Share of validation images whose class is not the network's first answer, or not among its first five, of "
        f"{classes}; bars: 95 % interval (Wilson).",
        _draw(wrong, network),
        {_name(*key): each.numpy() for key, each in wrong.items()},
    )


def _draw(wrong: Wrong, network: str) -> Figure:
    figure = new_figure(f"Classification error of {network}", 6.4, 0.9 + 0.4 * len(wrong))
    axes = style(figure.subplots(), x="validation error (%)")
    for row, ((views, _), each) in enumerate(wrong.items()):
        share, low, high = _interval(each)
        colour = PALETTE[0] if views == 1 else PALETTE[1]
        axes.plot([low, high], [row, row], color=colour, linewidth=2)
        axes.plot([share], [row], "o", color=colour, markersize=6)
    axes.set_yticks(range(len(wrong)), [_name(*key) for key in wrong])
    axes.set_ylim(len(wrong) - 0.5, -0.5)
    axes.set_xlim(left=0)
    return figure
