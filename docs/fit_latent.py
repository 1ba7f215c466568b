"""Fits all that the engine `stylegan` needs beside its generator, and writes it into mimica/weights/ (or another folder):

    python docs/fit_latent.py DATA [--weights generator.safetensors] [--output FOLDER] [--work FOLDER]

DATA is a folder of `mimica prepare ffhq`: people in several expressions. Each step is a command of Mimica's and is printed; what
is there in the work folder already is taken as it is, so that the script goes on where it stopped. Emotions and Action Units are
fitted on the people, each compared with him- or herself; pose, which the people's expressions do not change, on samples. Shorter
than in the paper are the epochs of both pseudo-autoencoders and, in proportion, the time after which the rate is halved.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

SAMPLES = 1500
STRENGTH = 0.001
"""Weakly regularised directions tell expressions apart best and show them least: they lie where codes hardly vary. (All layers,
as those of a generator of 64 pixels are the first of the paper's 1024: 4 to 64 pixels.)"""
EPOCHS = 3.0
"""The paper's are 150, the rate halved every 10: a fifteenth."""


def run(*words: object) -> None:
    command = [sys.executable, "-m", "mimica", *map(str, words)]
    print("$ mimica " + shlex.join(map(str, words)), flush=True)
    subprocess.run(command, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--weights", type=Path, help="the generator; the shipped one if not given")
    parser.add_argument("--output", type=Path, default=Path(__file__).parents[1] / "mimica" / "weights")
    parser.add_argument("--work", type=Path, default=Path("runs") / "latent")
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--epochs", type=float, default=EPOCHS)
    parser.add_argument("--limit", type=int, default=0, help="take the first so many pictures of DATA")
    chosen = parser.parse_args()
    work, generator = chosen.work, ["--weights", chosen.weights] if chosen.weights else []
    work.mkdir(parents=True, exist_ok=True)
    if not (work / "samples").exists():
        run("prepare", "latents", "--sample", chosen.samples, *generator, "-o", work / "samples")
    if not (work / "people").exists():
        run("prepare", "latents", chosen.data, *generator, "--limit", chosen.limit, "-o", work / "people")
    fitted = work / "directions.safetensors"
    run("directions", "fit", work / "samples", "--compare", "-c", "yaw", "-c", "pitch", "-o", fitted)
    run(
        "directions",
        "fit",
        work / "people",
        "--within",
        "--compare",
        "--add",
        "--strength",
        STRENGTH,
        "--layers",
        "all",
        "-o",
        fitted,
    )
    epochs = ["--set", f"epochs={chosen.epochs}", "--set", f"halve_every={chosen.epochs / 15}"]
    for preset in ("paper", "residual"):
        run("train", "autoencoder", "--preset", preset, "--data", work / "people", "-o", work / preset, *epochs)
    names = {"directions": fitted}
    names |= {"autoencoder": work / "residual" / "weights" / "autoencoder.safetensors"}
    names |= {"autoencoder_paper": work / "paper" / "weights" / "autoencoder.safetensors"}
    prefix = "" if chosen.weights else "stylegan_"
    for name, path in names.items():
        shutil.copyfile(path, chosen.output / f"{prefix}{name}.safetensors")
        print(chosen.output / f"{prefix}{name}.safetensors")
    beside = [*generator, "--directions", chosen.output / f"{prefix}directions.safetensors"]
    run("evaluate", "directions", *beside)
    fitted = [
        word
        for name in ("autoencoder_paper", "autoencoder")
        for word in ("--autoencoder", chosen.output / f"{prefix}{name}.safetensors")
    ]
    run("evaluate", "bias", work / "people", *generator, *fitted)


if __name__ == "__main__":
    main()
