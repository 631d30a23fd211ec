"""Table 2: classification error of single networks and of ensembles.

The paper (Sec. 5.1): one network of Krizhevsky's architecture, replicated, against one ZFNet; five ZFNets together
(a); one ZFNet with 512, 1024 and 512 maps in layers 3 to 5 (b); and the six of (a) and (b). An ensemble averages the
probabilities of its networks.

Here: the same systems, and an ensemble of AlexNets, which the paper took from Krizhevsky et al. Each of the five
seeds gives one AlexNet, one ZFNet and one wider ZFNet (the networks of Table 3), so a single network has five values,
six convnets have five (the five ZFNets with each wider one), and an ensemble of five has one. With one view an image
and with the paper's ten (Sec. 3).

Tests, fixed before anything was measured. One network against another: the difference of the means over seeds. An
ensemble against its members, whose errors are on the same images: the difference of the shares of wrong images,
paired over the validation images, the errors of the single networks (or of the five ensembles of six) averaged first.

Deviations: see `variants`. On facetworld the tests are on one view an image: networks see whole images in training
there, and the ten crops are of an enlarged image, which they never saw.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from metrics.classification import top_k_wrong
from metrics.contrasts import seed_contrast
from metrics.statistics import mean_interval
from replications.drawing import PALETTE, legend, new_figure, style
from replications.suite.interface import Context, Evidence, Experiment, Measurement, Outcome, Picture, Table
from replications.training.evaluate import predict
from replications.zeiler.variants import Variants, lacking, seeds_from, task, train_all

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ALEXNET, ZFNET, WIDER = "alexnet", "zfnet", "zfnet-middle"
PAPER_CROPS = 10


@dataclasses.dataclass(frozen=True)
class System:
    """One row of Table 2. title: with {n} for the networks of an ensemble and {m} for one more.
    reported: its row of the ledger, where the paper has the same system."""

    name: str
    title: str
    reported: str | None = None

    def titled(self, networks: int) -> str:
        """The title, with the numbers of networks."""
        return self.title.format(n=networks, m=networks + 1)


SYSTEMS = {
    system.name: system
    for system in (
        System("1 alexnet", "1 AlexNet, our replication", "ZF-T2-06"),
        System("5 alexnets", "{n} AlexNets"),
        System("1 zfnet", "1 ZFNet", "ZF-T2-07"),
        System("5 zfnets", "{n} ZFNets (a)", "ZF-T2-08"),
        System("1 wider", "1 ZFNet, wider layers 3, 4, 5 (b)", "ZF-T2-09"),
        System("6 convnets", "{m} convnets, (a) and (b)", "ZF-T2-10"),
    )
}
Wrong = dict[str, Tensor]  # system -> (replicates, N) bool: which images each of its replicates gets wrong


@dataclasses.dataclass(frozen=True)
class Table2(Experiment):
    """networks: see `variants.Variants`; null where the profile can't train them. seeds: networks of each kind, which
    are also the size of the ensembles. crops: the views an image, 1 or 10, on which the tests are."""

    name: ClassVar[str] = "table2"
    title: ClassVar[str] = "Table 2: classification error, single networks and ensembles"
    paper: ClassVar[str] = "zeiler"
    trains: ClassVar[bool] = True
    needs: ClassVar = ("data",)
    answers: ClassVar[tuple[str, ...]] = (
        *(system.reported for system in SYSTEMS.values() if system.reported),
        "ZF-C-T2-zfnet-better",
        "ZF-C-T2-ensemble-better",
        "ZF-C-T2-both-better",
    )

    networks: Mapping[str, Any] | None
    seeds: int
    crops: int

    def missing(self, context: Context) -> str | None:
        return lacking(self.networks, 3 * self.seeds, context)

    def run(self, context: Context) -> Outcome:
        assert self.networks is not None
        variants = Variants.of(self.networks)
        names = (ALEXNET, ZFNET, WIDER)
        trained = train_all(variants, names, seeds_from(context.seed, self.seeds), context)
        data, size = context.data.validation, variants.input_size(context.data.train)
        labels, classes = task(data)
        top1: dict[int, Wrong] = {}
        top5: dict[int, Wrong] = {}
        for crops in (1, PAPER_CROPS):
            jobs = [(name, network) for name in names for network in trained[name]]
            found: dict[str, list[Tensor]] = {name: [] for name in names}
            for name, network in context.progress(jobs, f"errors, {crops} view{'s' if crops > 1 else ''} an image"):
                found[name].append(predict([network.probabilities], data, size=size, crops=crops).float())
            systems = combine({name: torch.stack(each) for name, each in found.items()})
            top1[crops] = {name: wrong(each, labels, 1) for name, each in systems.items()}
            if len(classes) > 5:
                top5[crops] = {name: wrong(each, labels, 5) for name, each in systems.items()}
        return Outcome(
            measurements=[*_measurements(top1, "val top-1"), *_measurements(top5, "val top-5")],
            evidence=evidence(top1[self.crops], self.crops),
            pictures=[_picture(top1, len(classes))],
            tables=[_table(top1, top5)],
        )


def combine(probabilities: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """system -> (replicates, N, classes), from the probabilities (seeds, N, classes) of each kind of network."""
    alexnet, zfnet, wider = (probabilities[name] for name in (ALEXNET, ZFNET, WIDER))
    seeds = len(zfnet)
    return {
        "1 alexnet": alexnet,
        "5 alexnets": alexnet.mean(0, keepdim=True),
        "1 zfnet": zfnet,
        "5 zfnets": zfnet.mean(0, keepdim=True),
        "1 wider": wider,
        "6 convnets": (zfnet.sum(0, keepdim=True) + wider) / (seeds + 1),
    }


def wrong(probabilities: Tensor, labels: Tensor, k: int) -> Tensor:
    """(replicates, N) bool from (replicates, N, classes)."""
    return torch.stack([top_k_wrong(each, labels, k) for each in probabilities])


def evidence(found: Wrong, crops: int) -> list[Evidence]:
    """The tests of the claims, as the head of this file says."""
    rates = {name: _rates(each) for name, each in found.items()}
    seeds = len(rates["1 zfnet"])
    views = "one view an image" if crops == 1 else f"{crops} views an image"
    effect, low, high = seed_contrast([rates["1 alexnet"], rates["1 zfnet"]], [1.0, -1.0])
    tests = [
        Evidence(
            "ZF-C-T2-zfnet-better",
            f"top-1 error of one AlexNet minus that of one ZFNet, {views}; 95 % t interval (Welch) over seeds",
            effect,
            low,
            high,
            "points of error",
            seeds,
            "seed",
            seeds=seeds,
        )
    ]
    pairs = (
        (
            "ensemble-better",
            "1 zfnet",
            "5 zfnets",
            f"top-1 error of one ZFNet, mean of {seeds}, minus that of the {seeds} together",
        ),
        (
            "both-better",
            "5 zfnets",
            "6 convnets",
            f"top-1 error of {seeds} ZFNets minus that of these and one wider, mean of {seeds} wider ones",
        ),
    )
    for claim, worse, better, words in pairs:
        per_image = found[worse].double().mean(0) - found[better].double().mean(0)
        effect, low, high = mean_interval(100 * per_image.numpy())
        statistic = f"{words}, {views}; 95 % bootstrap interval (BCa) over validation images"
        tests.append(
            Evidence(
                f"ZF-C-T2-{claim}",
                statistic,
                effect,
                low,
                high,
                "points of error",
                len(per_image),
                "validation image",
                seeds=seeds,
            )
        )
    return tests


def _rates(found: Tensor) -> list[float]:
    rates: list[float] = (100 * found.double().mean(1)).tolist()
    return rates


def _measurements(found: Mapping[int, Wrong], cell: str) -> list[Measurement]:
    measurements = []
    for crops, systems in found.items():
        for name, each in systems.items():
            reported = SYSTEMS[name].reported if crops == PAPER_CROPS else None
            over = "seed" if len(each) > 1 else "ensemble"
            measurements.append(
                Measurement(
                    f"{name}/{cell}/{_views(crops)}",
                    _rates(each),
                    "% error",
                    over,
                    "lower",
                    reported,
                    cell if reported else None,
                )
            )
    return measurements


def _table(top1: Mapping[int, Wrong], top5: Mapping[int, Wrong]) -> Table:
    columns = ["system", "networks compared"]
    columns += [f"{cell} (%), {_views(crops)}" for crops in top1 for cell in ("top-1", "top-5")]
    rows: list[list[str | float | None]] = []
    for name, system in SYSTEMS.items():
        row: list[str | float | None] = [system.titled(len(top1[1]["1 zfnet"])), len(top1[1][name])]
        for crops in top1:
            row += [_spread(_rates(top1[crops][name])), _spread(_rates(top5[crops][name])) if top5 else None]
        rows.append(row)
    return Table("errors", "Validation error", columns, rows, "Mean ± standard deviation over seeds.")


def _picture(found: Mapping[int, Wrong], classes: int) -> Picture:
    return Picture(
        "errors",
        "Classification error, single networks and ensembles",
        f"Top-1 validation error of each system of Table 2 ({classes} classes); a dot a network or an ensemble, a bar "
        "their mean. The paper's ten views are the corners and the centre, each also mirrored.",
        _draw(found),
        {f"{name} {_views(crops)}": np.asarray(_rates(each)) for crops, s in found.items() for name, each in s.items()},
    )


def _draw(found: Mapping[int, Wrong]) -> Figure:
    figure = new_figure("Table 2: single networks and ensembles", 8.0, 3.8)
    axes = style(figure.subplots(), x="validation top-1 error (%)")
    for (crops, systems), colour, shift in zip(found.items(), PALETTE, (-0.14, 0.14), strict=False):
        for row, name in enumerate(SYSTEMS):
            values, at = _rates(systems[name]), row + shift
            label = _views(crops) if row == 0 else None
            axes.plot(values, [at] * len(values), "o", color=colour, markersize=5, label=label)
            axes.plot([np.mean(values)] * 2, [at - 0.13, at + 0.13], color=colour, linewidth=2)
    axes.set_yticks(range(len(SYSTEMS)), [system.titled(len(found[1]["1 zfnet"])) for system in SYSTEMS.values()])
    axes.tick_params(axis="y", labelsize=9)
    axes.invert_yaxis()
    legend(axes, loc="best", title="views an image", title_fontsize=8)
    return figure


def _views(crops: int) -> str:
    return "1 view" if crops == 1 else f"{crops} views"


def _spread(values: Sequence[float]) -> str:
    return f"{np.mean(values):.1f} ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else f"{values[0]:.1f}"
