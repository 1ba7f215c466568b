"""Features for perceptual losses: VGG16 where its weights are at hand, Mimica's own reader otherwise.

VGG16: K. Simonyan, A. Zisserman (2014), torchvision's weights; the layers conv1_1, conv1_2, conv3_2 and conv4_2, as R. Abdal,
Y. Qin, P. Wonka, "Image2StyleGAN" (ICCV 2019), section 5, takes them. The reader's own features see gray faces and know
landmarks and expressions; they know nothing of colour and hair, which the pixel loss has to hold.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mimica.errors import WeightsError
from mimica.foreign.torch_file import read_state
from mimica.reader.features import load_torch_reader, reader_gray

VGG_FILE = "vgg16-397923af.pth"
VGG_URL = f"https://download.pytorch.org/models/{VGG_FILE}"
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_LAYOUT = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512)
"""Channels of VGG16's convolutions up to conv4_2; 0 is pooling."""
_TAKEN = (0, 1, 5, 8)

Features = Callable[[Tensor], list[Tensor]]
"""Pictures (B, 3, S, S) in [-1, 1] -> feature maps."""


class VGG16(nn.Module):
    """The first ten convolutions. Raises `WeightsError` for a file that is not torchvision's VGG16."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        state = {name: torch.from_numpy(array) for name, array in read_state(path).items()}
        layers: list[nn.Module] = []
        before = 3
        for channels in _LAYOUT:
            if channels == 0:
                layers.append(nn.MaxPool2d(2))
                continue
            layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU()]
            before = channels
        self.features = nn.Sequential(*layers)
        own = self.state_dict()
        wrong = [name for name, value in own.items() if name not in state or state[name].shape != value.shape]
        if wrong:
            raise WeightsError(f"{path} is not torchvision's VGG16: {wrong[0]} does not fit.")
        self.load_state_dict({name: state[name] for name in own})

    def forward(self, pictures: Tensor) -> list[Tensor]:
        x = (pictures + 1) / 2
        x = (x - x.new_tensor(_MEAN)[None, :, None, None]) / x.new_tensor(_DEVIATION)[None, :, None, None]
        if x.shape[-1] > 256:
            x = F.interpolate(x, size=(256, 256), mode="area")
        maps = []
        for layer in self.features:
            x = layer(x)
            if isinstance(layer, nn.Conv2d):
                maps.append(x)
        return [maps[i] for i in _TAKEN]


def load_features(vgg: Path | None = None) -> tuple[Features, str]:
    """The features, and a sentence that says which. VGG16 from `vgg`, or from torch's cache; otherwise the reader."""
    cached = Path(torch.hub.get_dir()) / "checkpoints" / VGG_FILE
    path = vgg or (cached if cached.is_file() else None)
    if path:
        return VGG16(path).eval().requires_grad_(False), f"Perceptual features: VGG16 ({path})."
    reader = load_torch_reader()
    sentence = f"Perceptual features: Mimica's reader. (VGG16's are usual: get {VGG_URL} and give it with --vgg.)"
    return lambda pictures: reader.features(reader_gray(pictures)), sentence
