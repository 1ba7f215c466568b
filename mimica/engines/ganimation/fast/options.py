"""The options of the fast generator's training: `mimica train ganimation --preset fast --data PAIRS -o RUN`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mimica.config import Preset, TrainingOptions, option


@dataclass(frozen=True)
class FastOptions(TrainingOptions):
    """Options of geometry, patches and painter."""

    may_change: ClassVar[frozenset[str]] = frozenset({"mouth_attention_weight", "eye_attention_weight", "adversarial_weight"})

    steps: int = option(9000, "steps of the painters, a batch of mouths and one of eyes each", low=1)
    batch_size: int = option(16, "patches of each kind a step", low=1)
    clip_gradients: float = option(1.0, "largest gradient norm of one update; 0: off", low=0)
    ema: float = option(
        0.998, "decay of the running mean of the painters' weights, which is what gets exported", low=0, high=0.99999
    )
    # which data
    labels: Path | None = option(None, "another labels.jsonl than the folder's own")
    only: str = option("", "take only sources, and real faces, whose name begins with one of these words (london,canada)")
    # geometry
    mesh_components: int = option(64, "principal components of the mesh", low=1)
    move_components: int = option(96, "principal components of its displacement", low=1)
    gain_components: int = option(64, "principal components of the log gain", low=1)
    gain_frames: int = option(1500, "frames, drawn at random, on which the gain is measured; 0: all", low=0)
    landmark_noise: float = option(0.003, "what landmarks are off by, in shares of the crop's side", low=0)
    control_noise: float = option(0.08, "what the source's Action Units are off by", low=0)
    readings: bool = option(False, "let Mimica's reader read every frame, and use what it sees as the source half of the time")
    inner_weight: float = option(0.5, "what the inner mouth's vertices count (skin 1, lips and lids 3)", low=0)
    fit_steps: int = option(2500, "steps of each perceptron", low=1)
    fit_batch: int = option(256, "pairs a step of a perceptron", low=1)
    fit_learning_rate: float = option(2e-3, "learning rate of the perceptrons", low=1e-8)
    # patches
    pairs: int = option(6000, "pairs of frames that become patches (validation: a tenth of them more)", low=1)
    identity: float = option(0.04, "share of those pairs whose two frames are the same", low=0, high=1)
    augmented: float = option(0.5, "share of those pairs under a random colour, light, blur and JPEG", low=0, high=1)
    patch_noise: float = option(0.001, "what the landmarks of patches are off by, in shares of the crop's side", low=0)
    # painter
    start: Path | None = option(None, "weights of the fast generator whose painters are trained further; none: from scratch")
    learning_rate: float = option(2e-3, "learning rate of the painters", low=1e-8)
    critic_learning_rate: float = option(2e-3, "learning rate of the critics", low=1e-8)
    critic_from: float = option(0.4, "share of the steps after which the critics begin", low=0, high=1)
    critic_width: int = option(24, "channels of a critic's first layer", low=4)
    adversarial_weight: float = option(0.05, "weight of the hinge loss, after its critic's first 200 steps", low=0)
    feature_weight: float = option(0.3, "weight of the critic's features of painted against wanted patches", low=0)
    au_weight: float = option(0.1, "lambda_y, weight of the Action Units that the critic regresses from painted patches", low=0)
    critic_au_weight: float = option(1.0, "the same for the critic, on real patches", low=0)
    r1_weight: float = option(1.0, "weight of the gradient penalty R1", low=0)
    r1_every: int = option(8, "critic steps between two gradient penalties", low=1)
    real_share: float = option(0.3, "share of real faces among the critic's real patches, where --data names some", low=0, high=1)
    mouth_attention_weight: float = option(1.0, "of 1 - A in the mouth's patch: high keeps the skin the photo's", low=0)
    eye_attention_weight: float = option(4.0, "the same in the eyes' patches", low=0)
    tv_weight: float = option(0.5, "lambda_TV, of the attention's total variation, a mean over pixels", low=0)

    def kept(self, name: str) -> bool:
        """Whether `only` lets a source or a face of this name in."""
        words = tuple(word for word in self.only.split(",") if word)
        return not words or name.startswith(words)


PRESETS: dict[str, Preset] = {"fast": {}}
