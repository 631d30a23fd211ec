"""How images for captions are drawn: the images with what is read of them, and how likely each finds each caption."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from torch import Tensor

from replications.drawing import INK, MUTED, PALETTE, new_figure, show_image
from replications.ppgn.told import Told
from replications.suite.interface import Picture

COLUMNS = 3  # of captions
_WRAP = 56  # letters of a caption in a line
_WRONG = PALETTE[1]


def picture_of_samples(
    images: Tensor, told: Sequence[Told], count: int, read: Mapping[str, Sequence[str]], variant: str
) -> Picture:
    """For each of the first `count` captions its images, one of each set, with what is read of them beneath.

    images: (n, 3, H, W), the captions of a set one after the other. read: by slot, of each image.
    """
    sets, rows = len(told) // count, -(-count // COLUMNS)
    figure = new_figure(f"Images for captions, by {variant}", COLUMNS * (sets * 1.15 + 0.25), rows * 2.05 + 0.45)
    panels = figure.subfigures(rows, COLUMNS, squeeze=False).flat
    for i, panel in enumerate(panels):
        if i >= count:
            continue
        panel.suptitle("\n".join(textwrap.wrap(told[i].caption, _WRAP)), fontsize=8, color=INK)
        for axes, k in zip(panel.subplots(1, sets, squeeze=False)[0], range(i, len(told), count), strict=True):
            show_image(axes, images[k])
            axes.set_anchor("N")
            lines = (
                (read["facet"][k], read["facet"][k] == told[k].value("facet")),
                (read["colour"][k], read["colour"][k] == told[k].value("colour")),
                (read["place"][k], read["place"][k] == told[k].value("place")),
            )
            for line, (words, as_asked) in enumerate(lines):
                colour = INK if as_asked else _WRONG
                place = {"transform": axes.transAxes, "ha": "center", "va": "top"}
                axes.text(0.5, -0.04 - 0.13 * line, words, fontsize=7, color=colour, **place)
    caption = (
        "Above each panel the caption that chains were asked for, one chain a set, from random codes. Beneath each "
        "image what is read of it by eyes that the chains don't climb: the facet by the held-out evaluator, the "
        "object's colour and the place by linear probes of real images; dark where that is what the caption tells, "
        "orange where not."
    )
    return Picture("samples", "Images for captions", caption, figure)


def picture_of_matrix(per_word: Tensor, asked: Sequence[Told], sets: int) -> Picture:
    """The captioner's log-probability of every caption given the images for every caption, means over the sets.

    per_word: (sets x m, m).
    """
    m = len(asked)
    means = per_word.reshape(sets, m, m).mean(0).numpy()
    names = [f"{one.value('colour')} {one.value('class')}, {one.value('place')}" for one in asked]
    figure = new_figure("How likely the captioner finds each caption", 8.2, 6.4)
    axes = figure.subplots()
    shown = axes.imshow(means, cmap="viridis", interpolation="nearest")
    axes.set_xticks(range(m), names, rotation=45, ha="right", fontsize=8, color=INK)
    axes.set_yticks(range(m), names, fontsize=8, color=INK)
    axes.set_xlabel("caption", fontsize=9, color=INK)
    axes.set_ylabel("images made for", fontsize=9, color=INK)
    for i in range(m):
        j = int(means[i].argmax())
        axes.plot([j], [i], "o", color="white", markersize=5, markeredgecolor=MUTED)
    bar = figure.colorbar(shown, ax=axes, shrink=0.8)
    bar.set_label("mean log-probability of a word, nats", fontsize=9, color=INK)
    bar.ax.tick_params(labelsize=8, colors=MUTED)
    caption = (
        f"Rows: the images that were made for a caption, means over {sets} sets. Columns: captions, in short. Dots: "
        "the likeliest caption of a row; on the diagonal where it is the one that was asked for."
    )
    return Picture("matrix", "How likely the captioner finds each caption", caption, figure, {"log_probability": means})
