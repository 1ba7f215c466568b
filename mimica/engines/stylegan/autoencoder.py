"""The pseudo-autoencoder: a code and a change of Action Units in, the same person's code with that change out.

"Manipulación de Expresiones Faciales vía Espacio Latente" (SAIV, 51 JAIIO 2022), section 2.2: the code w_in (num_ws x w_size
numbers in a row) goes through two layers of 512 units; the change u is repeated 5 times and joined to what comes out; two
layers of 512 and an output layer give w_out, of the shape of w_in. The paper does not name the activation; here it is ReLU.

    u[k] = 1, 0 or -1     Action Unit k appears, does not change, disappears between source and target
    w_out = f(w_in, u)                                    form "direct", the paper's
    w_out = w_in + s (f(x, u) - f(x, 0)),  x = (w_in - m) / s     form "residual": no change is the identity, exactly

With `one_w` the network sees the mean of w_in's rows; the residual form changes all rows alike, the direct form gives one w for
all: a fourteenth of the numbers for a generator of 256 pixels, one that was trained with the same w at all places above all.

A transition (section 3.3) is w_i = w_s + alpha (w_t - w_s) for alpha from 0 to 1.

Known fault (section 3.4): with the direct form a person that was not among those trained on comes out as one of them, as
everything about the face has to pass through 512 numbers. The residual form lets it pass beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from mimica.engines.stylegan.latents import layers_named
from mimica.errors import WeightsError
from mimica.model_files.checkpoint import Weights, build_module, fill_module, load_weights, module_tensors

KIND, VERSION = "stylegan-autoencoder", 1
HIDDEN, COPIES = 512, 5
PRESENT = 0.25
"""From this intensity on an Action Unit counts as present where the change is wanted as -1, 0, 1."""

Form = Literal["direct", "residual"]


class PseudoAutoencoder(nn.Module):
    """w_plus (B, num_ws, w_size) and change (B, units) in [-1, 1] -> w_plus. `mean` and `scale` standardise what the residual
    form sees; the direct form sees the code as it is."""

    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        num_ws: int,  # Layers of the generator that take a w: 10 at 64 pixels, 18 at 1024.
        w_size: int,  # Numbers in a w, as the generator has them.
        units: int,  # Action Units in the change u, without sides: 17.
        form: Form = "direct",  # "direct", the paper's, or "residual", in which no change is the identity.
        hidden: int = HIDDEN,  # Units of each of the four inner layers; the paper's 512.
        copies: int = COPIES,  # How often u is repeated where it is joined, 1 or more; the paper's 5.
        one_w: bool = False,  # Whether it sees and changes one w for all layers; the paper's has W+.
    ) -> None:
        super().__init__()
        self.config: Mapping[str, Any] = {
            "places": num_ws, "w_size": w_size, "units": units, "form": form, "hidden": hidden, "copies": copies, "one_w": one_w,
        }  # fmt: skip
        self.form, self.copies, self.one_w = form, copies, one_w
        rows = 1 if one_w else num_ws
        size = rows * w_size
        self.encoder = nn.Sequential(nn.Linear(size, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        self.decoder = nn.Sequential(
            nn.Linear(hidden + copies * units, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, size)
        )
        self.register_buffer("mean", torch.zeros(rows, w_size))
        self.register_buffer("scale", torch.ones(()))

    def forward(self, w_plus: Tensor, change: Tensor) -> Tensor:
        seen = w_plus.mean(1, keepdim=True) if self.one_w else w_plus
        if self.form == "direct":
            return self._decoded(self.encoder(seen.flatten(1)), change).view_as(seen).expand_as(w_plus)
        inner = self.encoder(((seen - self.mean) / self.scale).flatten(1))
        step = self._decoded(inner, change) - self._decoded(inner, torch.zeros_like(change))
        return w_plus + self.scale * step.view_as(seen)

    def _decoded(self, inner: Tensor, change: Tensor) -> Tensor:
        decoded: Tensor = self.decoder(torch.cat([inner, change.repeat(1, self.copies)], dim=1))
        return decoded


def action_unit_change(source: Tensor, target: Tensor, binary: bool) -> Tensor:
    """u of section 2.2 from Action Units (B, units) in [0, 1]: target minus source, of presence (-1, 0, 1) if `binary`."""
    if binary:
        source, target = (source >= PRESENT).float(), (target >= PRESENT).float()
    return target - source


def latent_distance(out: Tensor, target: Tensor) -> Tensor:
    """|w_T - w_out|, the paper's loss, averaged over the batch: the length over all numbers of a code, not its square."""
    return (out - target).flatten(1).norm(dim=1).mean()


def transition(w_source: np.ndarray, w_target: np.ndarray, alpha: float) -> np.ndarray:
    """w_s + alpha (w_t - w_s); exactly w_s at 0 and w_t at 1."""
    return w_target if alpha == 1 else np.asarray(w_source + np.float32(alpha) * (w_target - w_source), np.float32)


# --- files ----------------------------------------------------------------------------------------------------------


def to_weights(net: PseudoAutoencoder, units: tuple[str, ...], config: Mapping[str, Any], notes: Mapping[str, Any]) -> Weights:
    """A model file of float16: `units` are the Action Units by name, `config` has `generator` (fingerprint) and `binary`."""
    tensors = {name: array.astype(np.float16 if array.ndim > 1 else np.float32) for name, array in module_tensors(net).items()}
    return Weights(KIND, VERSION, units, {**net.config, **config}, tensors, notes)


class LatentEditor:
    """A trained pseudo-autoencoder, ready to be used. `units` are the Action Units that it changes, by name; `binary` says
    whether it learnt from changes of presence."""

    def __init__(self, weights: Weights, source: Path) -> None:
        config = dict(weights.config)
        if missing := {"generator", "binary", "units"} - config.keys():
            raise WeightsError(f"{source} does not say its {', '.join(sorted(missing))}.")
        self.units, self.generator = weights.controls, str(config.pop("generator"))
        self.binary = bool(config.pop("binary"))
        if len(self.units) != config["units"]:
            raise WeightsError(f"{source} names {len(self.units)} Action Units and has {config['units']} inputs for them.")
        self.net = build_module(PseudoAutoencoder, layers_named(config), source).eval().requires_grad_(False)
        fill_module(self.net, weights.tensors, source)

    @torch.inference_mode()
    def edit(self, w_plus: np.ndarray, change: np.ndarray) -> np.ndarray:
        """float32 (n, num_ws, w_size) and changes (n, units) in [-1, 1] -> the codes with the changes."""
        out = self.net(torch.from_numpy(np.asarray(w_plus, np.float32)), torch.from_numpy(np.asarray(change, np.float32)))
        return np.asarray(out.numpy())


def load_editor(path: Path, num_ws: int, generator: str | None = None) -> LatentEditor:
    """A model file of `mimica train autoencoder`. Raises `WeightsError` where it was trained on the codes of another generator
    than the one of this fingerprint, or of another depth."""
    weights = load_weights(path, KIND, VERSION)
    if weights.config.get("places") != num_ws or (generator is not None and weights.config.get("generator") != generator):
        raise WeightsError(f"{path} was trained on codes of another generator, which mean nothing to this one: train it again.")
    return LatentEditor(weights, path)
