"""The network of a captioner: convolutions tell an LSTM of the image, which says the caption word by word.

As in LRCN (Donahue et al. 2015), the captioner that Nguyen et al. 2017 condition on, the LSTM reads at each step the
word before and the features of the image. Ours, for images of 64 pixels:
- It begins with the end of a caption as the word before.
- The layer that chooses a word reads the image's features besides the LSTM's outputs. Without, a training of the same
  length hardly learned to see: the cross-entropy of a word was 0.68 nats after three epochs, with it 0.57.
- Convolutions have strides in place of pooling, so that every pixel has a gradient, and a fully connected layer reads
  their maps position by position, since captions say where things are.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

PADDING = -1


class CaptioningNetwork(nn.Module):
    """Images (n, 3, size, size), preprocessed, and words -> logits of each next word.

    words: how many it knows; the index `words` ends a caption, and begins one. size: of the images, a multiple of 16.
    widths: maps of the six convolutions. features: numbers that tell of an image. embedding: numbers of a word. hidden:
    units of the LSTM. dropout: of the features and of the LSTM's outputs, in training.
    """

    STRIDES = (2, 2, 1, 2, 1, 2)

    def __init__(
        self,
        words: int,
        size: int = 64,
        widths: Sequence[int] = (24, 48, 64, 96, 96, 96),
        features: int = 144,
        embedding: int = 32,
        hidden: int = 144,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if words < 1 or size % 16 or len(widths) != len(self.STRIDES):
            raise ValueError(
                f"a captioner knows words, reads images whose side is a multiple of 16 and has {len(self.STRIDES)} "
                f"convolutions; found {words} words, {size} pixels, widths {tuple(widths)}"
            )
        self.end = words
        layers: list[nn.Module] = []
        channels = 3
        for i, (width, stride) in enumerate(zip(widths, self.STRIDES, strict=True)):
            kernel = 3 if i else 5
            layers += [nn.Conv2d(channels, width, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(width)]
            layers.append(nn.ReLU())
            channels = width
        self.convolutions = nn.Sequential(*layers)
        self.image = nn.Linear(channels * (size // 16) ** 2, features)
        self.embedding = nn.Embedding(words + 1, embedding)
        self.lstm = nn.LSTM(embedding + features, hidden, batch_first=True)
        self.word = nn.Linear(hidden + features, words + 1)
        self.dropout = nn.Dropout(dropout)

    def features(self, images: Tensor) -> Tensor:
        """(n, features) of preprocessed images."""
        maps = self.convolutions(images)
        found: Tensor = self.dropout(self.image(maps.flatten(1).to(self.image.weight.dtype)).relu())
        return found

    def logits(self, features: Tensor, words: Tensor) -> Tensor:
        """(n, T, words + 1): of what stands at each place, given the words before it.

        features: (n, features). words: (n, T) int64, PADDING where a caption has ended.
        """
        before = torch.cat([torch.full_like(words[:, :1], self.end), words[:, :-1]], 1)
        read = self.embedding(torch.where(before >= 0, before, self.end))
        inputs = torch.cat([read, features[:, None].expand(-1, words.shape[1], -1)], 2)
        # cuDNN gives no gradient through a recurrent layer in evaluation mode
        with torch.backends.cudnn.flags(enabled=self.training):
            outputs, _ = self.lstm(inputs)
        found: Tensor = self.word(torch.cat([self.dropout(outputs), inputs[..., read.shape[2] :]], 2))
        return found


def word_log_probabilities(logits: Tensor, words: Tensor) -> Tensor:
    """(n, T): of the words at each place, 0 at PADDING. logits: (n, T, words + 1); words: (n, T)."""
    said = words >= 0
    found = logits.log_softmax(2).gather(2, torch.where(said, words, 0)[..., None])[..., 0]
    return torch.where(said, found, torch.zeros_like(found))


def padded(sentences: Sequence[Sequence[int]], device: torch.device | None = None) -> Tensor:
    """(n, longest) int64 of indices of words, PADDING behind the shorter ones."""
    longest = max(map(len, sentences))
    return torch.tensor([[*one, *[PADDING] * (longest - len(one))] for one in sentences], device=device)
