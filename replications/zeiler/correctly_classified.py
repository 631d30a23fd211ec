"""The images whose class probability Figs. 5 and 7 watch: random ones that the network classifies correctly."""

from __future__ import annotations

import torch

from replications.suite.interface import Context


def correctly_classified(context: Context, count: int) -> tuple[list[int], list[int]]:
    """Up to `count` random validation images that the network classifies correctly, and their outputs' numbers."""
    network, validation = context.network, context.data.validation
    outputs = torch.tensor([network.class_index(name) for name in validation.classes])
    order = torch.randperm(len(validation), generator=context.generator("images"))
    found: list[tuple[int, int]] = []
    for indices, images, labels in validation.batches(64, order):
        with torch.inference_mode():
            best = network.logits(images).argmax(1).cpu()
        wanted = outputs[labels]
        found += [(int(i), int(t)) for i, t, b in zip(indices, wanted, best, strict=True) if t == b]
        if len(found) >= count:
            break
    if len(found) < 2:
        raise ValueError(
            f"the network classifies only {len(found)} of {len(validation)} images correctly; 2 are needed"
        )
    return [i for i, _ in found[:count]], [t for _, t in found[:count]]
