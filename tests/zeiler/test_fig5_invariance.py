"""Fig. 5's axes and transforms: the untransformed image is on every axis, and nothing moves there."""

from __future__ import annotations

import numpy as np
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from replications.paths import project_root
from replications.zeiler.fig5_invariance import STILL, TRANSFORMS, transformed


def test_axes_are_the_papers_and_hold_the_untransformed_image() -> None:
    config = OmegaConf.load(project_root() / "conf/experiment/zeiler/fig5.yaml")
    del config.by_profile
    experiment = instantiate(config)
    ends = {"translation": (-60 / 224, 60 / 224), "scale": (1.0, 1.8), "rotation": (0.0, 350.0)}
    for transform in TRANSFORMS:
        places = experiment.places(transform)
        assert np.allclose((places[0], places[-1]), ends[transform], atol=1e-4)
        assert np.isclose(places, STILL[transform]).sum() == 1


def test_an_untransformed_image_is_returned_as_it_is() -> None:
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    for transform in TRANSFORMS:
        assert torch.equal(transformed(images, transform, np.array([STILL[transform]]))[0], images)


def test_translation_is_vertical_and_downwards() -> None:
    image = torch.zeros(1, 3, 16, 16)
    image[..., 4, 7] = 1.0
    moved = transformed(image, "translation", np.array([0.25]))[0, 0, 0]
    assert moved.argmax() == (4 + 4) * 16 + 7
