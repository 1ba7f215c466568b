"""The critics: shapes, what they see, the augmentation."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from mimica.engines.stylegan.cascade.critics import BodyCritic, CropCritic, FeatureHeads, augment


def test_scores() -> None:
    torch.manual_seed(0)
    pictures = torch.randn(4, 3, 64, 64)
    scores = BodyCritic(64, (4, 6, 8, 8))(pictures)
    assert scores.shape == (4, 16 + 64)  # the whole counts a quarter of what the 8 x 8 patches do
    assert torch.equal(scores[:, 0], scores[:, 15])
    assert BodyCritic(32, (4, 6, 8, 8))(pictures[..., :32, :32]).shape[0] == 4
    crop = CropCritic((4, 4, 4))
    assert crop(pictures, pictures[..., ::4, ::4]).shape == (4, 64)
    assert not torch.equal(crop(pictures, pictures[..., ::4, ::4]), crop(pictures, torch.zeros(4, 3, 16, 16)))


def test_the_critic_of_crops_learns_to_tell_smooth_crops_from_detailed_ones_at_once() -> None:
    torch.manual_seed(0)
    critic = CropCritic((8, 8, 8))
    optimiser = torch.optim.Adam(critic.parameters(), 2e-3, betas=(0.0, 0.99))
    for _ in range(40):
        given = 0.3 * torch.randn(8, 3, 8, 8)
        smooth = F.interpolate(given, scale_factor=4, mode="bilinear", align_corners=False)
        detailed = smooth + 0.05 * torch.randn_like(smooth)
        loss = F.softplus(-critic(detailed, given)).mean() + F.softplus(critic(smooth, given)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 1.3  # chance is 1.386, where a critic that is given the crops themselves still is


def test_heads_mix_at_random_but_always_alike() -> None:
    torch.manual_seed(0)
    heads, again = FeatureHeads((5, 7), width=6), FeatureHeads((5, 7), width=6)
    assert torch.equal(heads.mixing_1, again.mixing_1) and "mixing_0" not in dict(heads.named_parameters())
    maps = [3 * torch.randn(2, 5, 8, 8), 0.1 * torch.randn(2, 7, 4, 4)]
    heads.calibrate(maps)
    assert torch.allclose(heads.scales, torch.stack([m.std() for m in maps]))
    scores = heads(maps)
    assert scores.shape == (2, 16 + 16)
    assert torch.allclose(scores[:, 16:], heads([maps[0] * 0, maps[1]])[:, 16:])


def test_augmentation_is_differentiable_and_can_be_off() -> None:
    torch.manual_seed(0)
    pictures = torch.rand(32, 3, 16, 16, requires_grad=True)
    assert torch.equal(augment(pictures, 0.0), pictures)
    changed = augment(pictures, 1.0)
    assert changed.shape == pictures.shape and not torch.equal(changed, pictures)
    changed.sum().backward()
    assert torch.isfinite(pictures.grad).all()
    step = torch.zeros(200, 1, 16, 16)
    step[..., 8:] = 1.0
    seen = augment(step, 1.0)
    spread = seen.flatten(2).amax(2) - seen.flatten(2).amin(2)
    assert float(spread.std()) > 0.05  # the gain
