"""How the embedded generator draws its seeds: blends of codes of faces that look alike.

A blend of two people is a person only where the two are alike: else hair is drawn twice. So the codes lie among each other by
how the faces that the body draws of them look (frozen features), codes that have no near neighbours are left out, and a draw
falls nearly onto a code before it is blended with that code's neighbours. Each draw has a temperature of its own, such that
`blended` codes count in it: none is a single code, which would be a copy of one photo, and none a mush of many.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mimica.engines.stylegan.networks import Mapping

if TYPE_CHECKING:
    from mimica.reader.frozen import FrozenFeatures

SHRINK = 0.9
"""A draw is pulled this much towards the middle of the codes, where they are dense."""
PULL, NEAR = 0.7, 0.45
"""How far a draw then goes to the codes about it, and the temperature by which these are found: low, so that it is about one."""
KEPT, NEIGHBOURS = 0.5, 4
"""This share of the codes is kept, those whose so many nearest neighbours are nearest."""
_NOBODY = 1e4
"""A key that no draw comes near: of places without a code."""
_GRID, _FEATURE_SIZE = 4, 128
"""Features are means over so many cells a side, of pictures of this side."""


class CodeMapping(Mapping):
    """z (B, z_size) -> w (B, w_size): an attention over stored codes.

    The first `dims` numbers of z, shrunk, are the query q, a place among the whitened principal components of how the codes'
    pictures look, `keys` k_i; v_i are the codes, `values`:

        p = q + PULL (sum_i b_i k_i - q),  b = softmax_i(-|q - k_i|^2 / (2 NEAR^2))
        w = sum_i a_i v_i,                 a = softmax_i(-|p - k_i|^2 / (2 t^2)),  t such that 1 / sum_i a_i^2 = `blended`

    With `blended` 0, as in files that do not name it, p is q and t the stored `temperature`.
    """

    keys: Tensor
    values: Tensor
    temperature: Tensor

    def __init__(
        self,
        z_size: int,  # Numbers in a z, `dims` at least; the others count for its length only.
        w_size: int,  # Numbers in a w.
        codes: int,  # How many are stored.
        dims: int,  # Principal components in a key and in a query.
        blended: float = 0.0,  # So many codes count in each draw; 0: by the stored temperature.
    ) -> None:
        nn.Module.__init__(self)
        if not (blended == 0 or 1 <= blended <= codes):
            raise ValueError(f"{blended} of {codes} codes are blended")
        self.z_size, self.dims, self.blended = z_size, dims, blended
        self.register_buffer("keys", torch.randn(codes, dims))
        self.register_buffer("values", torch.randn(codes, w_size))
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("w_average", torch.zeros(w_size))

    def attention(self, z: Tensor) -> Tensor:
        """(B, codes), rows of sum 1."""
        z = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
        query = SHRINK * z[:, : self.dims]
        if not self.blended:
            return _softened(_squared(query, self.keys), self.temperature)
        about = _softened(_squared(query, self.keys), torch.as_tensor(NEAR))
        return _counted(_squared(query + PULL * (about @ self.keys - query), self.keys), self.blended)

    def forward(self, z: Tensor) -> Tensor:
        return self.attention(z) @ self.values

    @torch.no_grad()
    def fit_codes(self, codes: Tensor, looks: Tensor) -> None:
        """Store those of `codes` (N, w_size) that have near neighbours by `looks` (N, ...): the share `KEPT` of them, as many as
        there are places at most. Truncation goes towards the mean of all."""
        keys = _whitened(looks.flatten(1), self.dims)
        alone = torch.cdist(keys, keys).fill_diagonal_(torch.inf).topk(min(NEIGHBOURS, len(keys) - 1), largest=False)[0].mean(1)
        chosen = alone.argsort()[: min(len(self.keys), math.ceil(KEPT * len(codes)))]
        keys = keys[chosen] - keys[chosen].mean(0)
        self.keys.fill_(_NOBODY)[: len(chosen)] = keys / keys.std(0).clamp_min(1e-6)
        self.values.zero_()[: len(chosen)] = codes[chosen]
        self.w_average.copy_(codes.mean(0))


def _squared(query: Tensor, keys: Tensor) -> Tensor:
    return torch.cdist(query, keys, compute_mode="donot_use_mm_for_euclid_dist").square()


def _softened(squared: Tensor, temperature: Tensor) -> Tensor:
    return torch.softmax(-squared / (2 * temperature.square()), dim=1)


def _counted(squared: Tensor, count: float) -> Tensor:
    """Squared distances (B, codes) -> weights in each row of which `count` codes count, by bisection of the temperature's
    logarithm."""
    low, high = squared.new_full((len(squared), 1), -5.0), squared.new_full((len(squared), 1), 5.0)
    for _ in range(30):
        middle = (low + high) / 2
        few = 1 / _softened(squared, middle.exp()).square().sum(1, keepdim=True) < count
        low, high = torch.where(few, middle, low), torch.where(few, high, middle)
    return _softened(squared, ((low + high) / 2).exp())


def _whitened(rows: Tensor, dims: int) -> Tensor:
    """(N, dims), principal components of (N, D) with deviation 1; 0 where there are fewer."""
    centred = rows - rows.mean(0)
    _, lengths, vectors = torch.linalg.svd(centred, full_matrices=False)
    found = centred @ vectors[:dims].t() / (lengths[:dims] / math.sqrt(len(rows))).clamp_min(1e-6)
    return F.pad(found, (0, dims - found.shape[1]))


@torch.no_grad()
def fit_seeds(generator: Any, encoder: Any, pictures: Tensor, features: FrozenFeatures, batch: int = 64) -> None:
    """Make the seeds of an embedded generator blend the codes of `pictures` (N, 3, entry, entry) in [-1, 1]; which are alike is
    told by the deepest of the compared features of what the body draws of them."""
    device = generator.mapping.values.device
    codes, looks = [], []
    for part in pictures.split(batch):
        w = encoder(part.to(device))[0]
        drawn = generator.synthesis.small(w, "none").clamp(-1, 1)
        large = F.interpolate(drawn, size=(_FEATURE_SIZE, _FEATURE_SIZE), mode="bilinear", align_corners=False)
        maps = features.maps(large.contiguous(memory_format=torch.channels_last))[0]
        codes.append(w)
        looks.append(F.adaptive_avg_pool2d(maps[-1], _GRID))
    generator.mapping.fit_codes(torch.cat(codes), torch.cat(looks))
