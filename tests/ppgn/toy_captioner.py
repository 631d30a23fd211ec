"""A tiny captioner with random weights, in double precision."""

from __future__ import annotations

import torch
from torch import nn

from replications.networks.preprocessing import Preprocessing
from replications.ppgn.captioner import LSTMCaptioner
from replications.ppgn.captioning_network import CaptioningNetwork

WORDS = ("a", "boat", "blue", "on", "red", "sea", "the")
SIZE = 16


def captioner(seed: int = 0, words: tuple[str, ...] = WORDS) -> LSTMCaptioner:
    """Reads images of SIZE pixels."""
    torch.manual_seed(seed)
    network = CaptioningNetwork(
        len(words), SIZE, widths=(3, 4, 4, 4, 4, 5), features=6, embedding=3, hidden=7, dropout=0.5
    )
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):  # as training leaves it: neither zero nor one
            nn.init.normal_(module.running_mean, std=0.2)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 1.5)  # type: ignore[arg-type]
    network.double().eval().requires_grad_(False)
    return LSTMCaptioner("toy", words, network, Preprocessing(SIZE, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3)))
