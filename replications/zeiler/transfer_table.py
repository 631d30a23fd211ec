"""What Tables 4 and 5 and Fig. 9 have in common: both halves by number of training images, their table and pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from metrics.statistics import seed_interval
from replications.drawing import INK, PALETTE, legend, line_with_interval, mosaic, new_figure, show_image, style
from replications.suite.interface import Evidence, Measurement, Outcome, Picture, Table
from replications.zeiler.transfer import Task, TaskSettings, lacks_classes, pretrained_accuracies

if TYPE_CHECKING:
    from replications.data.image_set import DataSource
    from replications.networks.network import Network
    from replications.suite.interface import Context

SCRATCH = "scratch"
TRAININGS = "trainings"
UNIT = "% accuracy, mean over classes"
NO_SCRATCH = (
    "The networks trained from scratch on the same images have no outcome that still holds (experiments=scratch "
    "full=true trains them), so that what is claimed of the difference has no evidence."
)


@dataclasses.dataclass(frozen=True, eq=False)
class Halves:
    """Images a class -> accuracy in percent for each fold. scratch lacks what isn't known of the very same images."""

    task: Task
    pretrained: Mapping[int, list[float]]
    scratch: Mapping[int, list[float]]

    def differences(self, size: int, scratch_size: int | None = None) -> np.ndarray:
        """(folds,) pretrained minus from scratch, in points, over the folds that both have."""
        other = self.scratch[size if scratch_size is None else scratch_size]
        return np.subtract(self.pretrained[size][: len(other)], other)


def lacking(context: Context, config: Mapping[str, Any], layer: int, sizes: Sequence[int]) -> str | None:
    """What a profile lacks, as one sentence, or None."""
    if layer not in context.network.paper_layers:
        return f"needs the paper's layer {layer}, which network '{context.network.name}' doesn't name"
    settings = TaskSettings.of(config)
    if max(sizes) > settings.largest:
        return f"asks for {max(sizes)} images a class where '{settings.name}' gives {settings.largest}"
    return lacks_classes(context, settings)


def both_halves(
    context: Context, config: Mapping[str, Any], layer: int, sizes: Sequence[int], folds: int, scratch: Sequence[int]
) -> Halves:
    """Measures the pretrained half and finds the other; `scratch`: the numbers of images wanted of that."""
    task = TaskSettings.of(config).task(context.data)
    pretrained = pretrained_accuracies(context, task, layer, sizes, folds)
    return Halves(task, pretrained, trained_from_scratch(context, task, scratch))


def trained_from_scratch(context: Context, task: Task, sizes: Sequence[int]) -> dict[int, list[float]]:
    """What the experiment `scratch` found on the very same images, for each of the sizes that it has whole."""
    found = {}
    for size in sizes:
        values = scratch_rows(
            context, task.settings.name, size, lambda number, size=size: task.fold(number, context.seed).digest(size)
        )
        if values:
            found[size] = values
    return found


def scratch_rows(context: Context, task: str, size: int, digest: Any) -> list[float]:
    """For each fold of `scratch`, from the first, what it found for a task; empty where its images are others.

    digest: the fold's number -> the name of its images.
    """
    document = context.outcome(SCRATCH)
    if document is None:
        return []
    rows: list[list[Any]] = next((t["rows"] for t in document["tables"] if t["name"] == TRAININGS), [])
    own = sorted((row[2], row[3], row[4]) for row in rows if row[:2] == [task, size])
    if any(images != digest(number) for number, _, images in own):
        return []
    return [float(value) for _, value, _ in own]


def measurements(halves: Halves, rows: Mapping[str, str] | None = None) -> list[Measurement]:
    """Both halves; rows: half ("pretrained", "scratch") -> its row of the ledger."""
    found = []
    for half, values in (("pretrained", halves.pretrained), ("scratch", halves.scratch)):
        for size, folds in values.items():
            row = (rows or {}).get(half)
            cell = f"{size} per class" if row else None
            found.append(Measurement(f"{half}/{size} per class", folds, UNIT, "fold", "higher", row, cell))
    return found


def table(halves: Halves, title: str) -> Table:
    """Like the paper's, with the mean over folds and its standard deviation."""
    sizes = sorted({*halves.pretrained, *halves.scratch})
    rows: list[list[str | None]] = []
    for words, values in (("non-pretrained network", halves.scratch), ("pretrained network", halves.pretrained)):
        rows.append([words, *(plus_minus(values[size]) if size in values else None for size in sizes)])
    return Table(
        "accuracy",
        title,
        ("", *(f"{size} a class" for size in sizes)),
        rows,
        f"{halves.task.settings.title}: % accuracy, mean over {len(halves.task.names)} classes; mean over folds "
        "± standard deviation.",
    )


def plus_minus(values: Sequence[float]) -> str:
    """ "83.8 ± 0.5": mean and standard deviation."""
    return f"{np.mean(values):.1f} ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else f"{values[0]:.1f}"


def beats_scratch(claim: str, halves: Halves, sizes: Sequence[int]) -> Evidence | None:
    """The test that the pretrained half is better at every number of images; None without the other half."""
    if any(size not in halves.scratch for size in sizes):
        return None
    smallest = np.min([halves.differences(size) for size in sizes], axis=0)
    if len(smallest) < 2:
        return None
    words = (
        f"accuracy of a new softmax over pretrained features minus that of the network trained from scratch, the "
        f"smallest over {', '.join(map(str, sizes))} images a class in each fold; 95 % t interval (Student) over folds"
    )
    count = len(smallest)
    return Evidence(claim, words, *seed_interval(smallest), "points", count, "fold", seeds=count)


def curves(halves: Halves, title: str) -> Picture:
    """Accuracy against training images a class, as in Fig. 9."""
    figure = new_figure(title, 6.4, 4.2)
    axes = style(figure.subplots(), halves.task.settings.title, "training images a class", "accuracy (%)")
    arrays: dict[str, np.ndarray] = {}
    kinds = (
        ("pretrained", "pretrained, new softmax", halves.pretrained, PALETTE[0]),
        ("scratch", "trained from scratch", halves.scratch, PALETTE[1]),
    )
    for name, label, values, colour in kinds:
        if not values:
            continue
        sizes = sorted(values)
        stacked = np.array([values[size] for size in sizes])
        low, high = (
            np.array([seed_interval(row)[i] for row in stacked]) if stacked.shape[1] > 1 else stacked[:, 0]
            for i in (1, 2)
        )
        line_with_interval(axes, sizes, stacked.mean(1), low, high, label, colour)
        axes.plot(sizes, stacked.mean(1), "o", color=colour, markersize=4)
        arrays |= {f"{name}_images": np.array(sizes), f"{name}_accuracy": stacked}
    chance = 100 / len(halves.task.names)
    axes.axhline(chance, color=INK, linewidth=0.8, linestyle="--")
    axes.annotate("chance", (1, chance), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8)
    axes.set_xlim(0, 1.04 * max(halves.pretrained))
    axes.set_ylim(0, 100)
    legend(axes, loc="center right" if not halves.scratch else "best")
    caption = (
        f"Mean accuracy over {len(halves.task.names)} classes on other images; line: mean over folds of training "
        "images, band: its 95 % t interval. Both see the same images."
    )
    return Picture("accuracy", title, caption, figure, arrays)


def examples(task: Task, seed: int, limit: int = 24, each: int = 5) -> Picture:
    """What is told apart: training images of the first classes."""
    fold, names = task.fold(0, seed), task.names[:limit]
    columns = 2 if len(names) <= 6 else 4
    rows = -(-len(names) // columns)
    figure = new_figure("What is told apart", 2.6 * columns, 0.35 + 0.78 * rows)
    for axes in (grid := np.atleast_2d(figure.subplots(rows, columns))).flat[len(names) :]:
        axes.set_axis_off()
    for axes, name, indices in zip(grid.flat, names, fold.by_class, strict=False):
        pictures = task.train.images(indices[:each])
        if pictures.shape[-1] > 64:
            pictures = torch.nn.functional.interpolate(pictures, (64, 64), mode="bilinear", antialias=True)
        show_image(axes, mosaic(pictures, each), name)
    caption = f"{task.settings.title}: the first training images of {len(names)} of the {len(task.names)} classes."
    return Picture("examples", "What is told apart", caption, figure)


def outcome_of(halves: Halves, wanted: Evidence | None) -> Outcome:
    """An outcome with the evidence, or with the note that says why there is none."""
    return Outcome(evidence=[wanted] if wanted else [], notes=[] if wanted else [NO_SCRATCH])


def known_classes(network: Network, data: DataSource, config: Mapping[str, Any]) -> str:
    """What the network has learnt to tell apart, for a note."""
    settings = TaskSettings.of(config)
    if settings.skip_classes:
        learnt = ", ".join(data.classes[: settings.skip_classes])
        return (
            f"The network '{network.name}' has learnt {learnt}: no more classes than it meets here, where the paper's "
            "has learnt a thousand."
        )
    return f"The network '{network.name}' has learnt {len(network.classes)} classes of its own."
