"""Captions as conditions: what a captioner has to offer, and the log-probability of a sentence (Nguyen et al. 2017).

A caption's log-probability is the sum of its words', each given the image and the words before it; the code released
with the paper adds their gradients, too. The end of the caption counts as a word.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from replications.ppgn.conditions import Condition, LogProbability, Part
from replications.ppgn.words import words_of


class UnknownWord(KeyError):
    """A captioner doesn't know a word. The message names those it knows that are nearest."""

    def __str__(self) -> str:
        return str(self.args[0])


class Captioner(Protocol):
    """What tells how probable a caption is.

    vocabulary: the index of each word it knows, in lower case. end: the index that ends a caption.
    fingerprint: changes with all that determines its numbers.
    """

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def vocabulary(self) -> Mapping[str, int]: ...

    @property
    def end(self) -> int: ...

    def log_probabilities(self, images: Tensor, words: Tensor) -> Tensor:
        """(n, T): of each word, given the image and the words before it; differentiable with respect to the images.

        images: (n, 3, H, W) in [0, 1]. words: (n, T) int64, -1 where a caption has ended already; there it is 0.
        """


def indices_of(caption: str, captioner: Captioner) -> list[int]:
    """The captioner's indices of the caption's words. Raises UnknownWord, and ValueError where there are none."""
    words = words_of(caption)
    if not words:
        raise ValueError(f"a caption has words, found {caption!r}")
    for word in words:
        if word not in captioner.vocabulary:
            close = difflib.get_close_matches(word, captioner.vocabulary, n=3, cutoff=0.0)
            raise UnknownWord(f"captioner '{captioner.name}' doesn't know '{word}'; the nearest is {', '.join(close)}")
    return [captioner.vocabulary[word] for word in words]


@dataclass(frozen=True, eq=False)
class _Captioned(Part):
    captioner: Captioner
    words: tuple[int, ...]

    @property
    def kind(self) -> tuple[Any, ...]:
        return _Captioned, id(self.captioner)

    @classmethod
    def together(cls, members: Sequence[_Captioned], rows: Tensor) -> LogProbability:
        captioner, longest = members[0].captioner, max(len(member.words) for member in members)
        padded = [[*member.words, *[-1] * (longest - len(member.words))] for member in members]
        words = torch.tensor(padded, device=rows.device)
        return lambda made, outputs: captioner.log_probabilities(made[rows], words).sum(1)


@dataclass(frozen=True, eq=False)
class Caption(Condition):
    """The log-probability of a caption, word by word up to its end. Raises UnknownWord, or ValueError for no words."""

    captioner: Captioner
    caption: str
    _words: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_words", (*indices_of(self.caption, self.captioner), self.captioner.end))

    @property
    def name(self) -> str:
        return f"{self.captioner.name} caption: {' '.join(words_of(self.caption))}"

    @property
    def parts(self) -> tuple[tuple[float, Part], ...]:
        return ((1.0, _Captioned(self.captioner, self._words)),)
