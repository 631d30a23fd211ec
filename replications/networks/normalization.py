"""Contrast normalization across feature maps (Krizhevsky et al. 2012, Sec. 3.3), as ZFNet uses after pools 1 and 2.

    y_c = x_c / (k + alpha/n * sum_{|c' - c| <= n//2} x_{c'}^2) ** beta

`alpha` follows torch's convention (`F.local_response_norm` divides it by n). Krizhevsky's formula has no such division,
so his alpha = 1e-4 with n = 5 is 5e-4 here; that and k = 2, beta = 0.75 are the defaults.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class ContrastNormalization(nn.Module):
    """The numbers of `F.local_response_norm(x, size, alpha, beta, k)`, several times faster on a CPU.

    x: (N, C, H, W) -> (N, C, H, W). `size` must be odd, the window then lies centred on its map.
    """

    node_kind = "lrn"

    def __init__(self, size: int = 5, alpha: float = 5e-4, beta: float = 0.75, k: float = 2.0) -> None:
        super().__init__()
        if size < 1 or size % 2 == 0:
            raise ValueError(f"contrast normalization needs an odd number of maps in its window, found {size}")
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: Tensor) -> Tensor:
        return F.local_response_norm(x, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"size={self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
