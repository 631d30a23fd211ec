"""Total variation denoising by split Bregman iterations, for a batch of pictures (Goldstein & Osher 2009).

What scikit-image's `denoise_tv_bregman` computed when Nguyen et al. 2016 used it (isotropic within a colour, each
colour by itself, mirrored at the borders), with one difference: it goes over the pixels one after another, using what
it has just changed; here each sweep changes every other pixel of all pictures at once, like the squares of a
chessboard, then the rest. Both are Gauss-Seidel sweeps and go to the same result.

With b = the Bregman variable, t = gradient(u) + b, f = the picture, w = the weight and lambda = 2 w, one sweep is

    b <- t / (1 + lambda |t|),  d <- t - b,
    u <- (2 (sum of the four neighbours of u + divergence(b - d)) + f) / 9.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

CHUNK = 120_000  # numbers that are worked on at once on a CPU, so that they stay in its cache


def denoised(images: Tensor, weight: float, *, sweeps: int = 100, tolerance: float = 1e-3 / 255) -> Tensor:
    """The pictures, smoother; each is done when a sweep changes it by no more than `tolerance` (root mean square).

    images: (n, C, H, W), H and W at least 2. weight: above 0; smaller denoises more.
    """
    if weight <= 0:
        raise ValueError(f"the weight of split Bregman denoising must be above 0, found {weight}")
    if min(images.shape[2:]) < 2:
        raise ValueError(f"denoising needs pictures of at least 2x2 pixels, found {tuple(images.shape)}")
    count = len(images) if images.is_cuda else max(1, CHUNK // images[0].numel())
    with torch.no_grad():
        return torch.cat([_denoised(part, weight, sweeps, tolerance) for part in images.split(count)])


class _Sweeper:
    """The state of the pictures that aren't done, and the memory to work in.

    A picture with a frame of one pixel around each colour is one row of numbers, in which the neighbours of a pixel are
    always as far away; `core` is the row without the first and the last line of frames. Computed for the frames too,
    then masked: one long operation is much faster than one that skips them.
    """

    def __init__(self, shape: tuple[int, ...], f: Tensor, u: Tensor, b: Tensor, v: Tensor) -> None:
        self.shape = shape  # (C, H, W)
        self.f, self.u = f, u  # (n, core), (n, row); f is a ninth of the picture, the frames of u stay what they are
        self.b, self.v = b, v  # (2, n, core), (2, n, row); v = d - b, zero in the frames
        self.one = f.new_ones(())
        self.t = torch.empty_like(b)
        self.flow, self.new, self.before = (torch.empty_like(f) for _ in range(3))
        colours, height, width = shape
        rows, columns = (torch.arange(extent, device=f.device) for extent in (height, width))
        white = (rows[:, None] + columns) % 2 == 0
        inside = torch.ones_like(white)
        self.white, self.black, self.inside = (
            F.pad(squares.to(f), (1, 1, 1, 1)).repeat(colours, 1, 1).reshape(-1)[width + 2 : -width - 2]
            for squares in (white, ~white, inside)
        )

    @classmethod
    def starting(cls, images: Tensor) -> _Sweeper:
        u = F.pad(images, (1, 1, 1, 1), mode="reflect").flatten(1)
        line = images.shape[3] + 2
        f = u[:, line:-line] / 9
        return cls(tuple(images.shape[1:]), f, u, f.new_zeros(2, *f.shape), u.new_zeros(2, *u.shape))

    def only(self, rows: Tensor) -> _Sweeper:
        return _Sweeper(self.shape, self.f[rows], self.u[rows], self.b[:, rows], self.v[:, rows])

    @property
    def pictures(self) -> Tensor:
        colours, height, width = self.shape
        return self.u.reshape(-1, colours, height + 2, width + 2)[:, :, 1:-1, 1:-1]

    def sweep(self, weight: float) -> Tensor:
        """(n,), how much each picture has changed, root mean square."""
        u, v, t, flow, new = self.u, self.v, self.t, self.flow, self.new
        line, end = self.shape[2] + 2, u.shape[1]
        core, above, below = u[:, line:-line], u[:, : -2 * line], u[:, 2 * line :]
        left, right = u[:, line - 1 : end - line - 1], u[:, line + 1 : end - line + 1]
        torch.sub(below, core, out=t[0]).add_(self.b[0])
        torch.sub(right, core, out=t[1]).add_(self.b[1])
        torch.mul(t[0], t[0], out=flow).addcmul_(t[1], t[1]).sqrt_()
        torch.add(self.one, flow, alpha=2 * weight, out=flow)
        torch.div(t, flow, out=self.b)
        torch.sub(t, self.b, alpha=2, out=v[:, :, line:-line]).mul_(self.inside)
        torch.sub(v[0][:, : -2 * line], v[0][:, line:-line], out=flow)
        flow.sub_(v[1][:, line:-line]).add_(v[1][:, line - 1 : end - line - 1])
        torch.add(self.f, flow, alpha=2 / 9, out=flow)
        self.before.copy_(core)
        for squares in (self.white, self.black):
            torch.add(above, below, out=new).add_(left).add_(right)
            core.lerp_(torch.add(flow, new, alpha=2 / 9, out=new), squares)
        change = self.before.sub_(core)
        return torch.linalg.vecdot(change, change).div_(self.shape[0] * self.shape[1] * self.shape[2]).sqrt_()


def _denoised(images: Tensor, weight: float, sweeps: int, tolerance: float) -> Tensor:
    result = images.clone()
    active = torch.arange(len(images), device=images.device)
    state = _Sweeper.starting(images)
    for _ in range(sweeps):
        going = state.sweep(weight) > tolerance
        if bool(going.all()):
            continue
        result[active[~going]] = state.pictures[~going]
        active = active[going]
        if not len(active):
            return result
        state = state.only(going)
    result[active] = state.pictures
    return result
