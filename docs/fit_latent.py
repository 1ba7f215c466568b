"""Fits all that the engine `stylegan` needs beside its generator, and writes it into mimica/weights/ (or another folder):

    python docs/fit_latent.py DATA [--weights generator.safetensors] [--output FOLDER] [--work FOLDER]

DATA is a folder of `mimica prepare ffhq` or `prepare expressions`: people in several expressions. Each step is a command of
Mimica's, printed with the time it took; what is there in the work folder already is taken as it is, so that the script goes on
where it stopped. Emotions and Action Units are fitted on the people, pose and gaze on some of their photos whose heads and eyes
are turned by known angles; everybody is compared with him- or herself. One w for all layers is learnt: the embedded generator is
mostly trained so. Shorter than in the paper are the epochs of both pseudo-autoencoders and, in proportion, the time after which
the rate is halved.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

POSED, FACES = 200, 25
"""Photos whose heads and eyes are turned; faces on which directions are measured."""
STRENGTH = 0.001
"""Weakly regularised directions tell expressions apart best and show them least: they lie where codes hardly vary."""
EPOCHS = 3.0
"""The paper's are 150, the rate halved every 10: a fifteenth."""
ANGLES = ("yaw", "pitch", "gaze_x", "gaze_y")


def run(*words: object) -> None:
    command = [sys.executable, "-m", "mimica", *map(str, words)]
    print("$ mimica " + shlex.join(map(str, words)), flush=True)
    start = time.perf_counter()
    subprocess.run(command, check=True)
    print(f"# {time.perf_counter() - start:.0f} s", flush=True)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--weights", type=Path, help="the generator; the shipped one if not given")
    parser.add_argument("--photos", type=Path, help="a set with the photos themselves, for pose and gaze; DATA if not given")
    parser.add_argument("--output", type=Path, default=Path(__file__).parents[1] / "mimica" / "weights")
    parser.add_argument("--work", type=Path, default=Path("runs") / "latent")
    parser.add_argument("--posed", type=int, default=POSED, help="so many photos are turned")
    parser.add_argument("--faces", type=int, default=FACES, help="so many faces are measured")
    parser.add_argument("--epochs", type=float, default=EPOCHS)
    parser.add_argument("--limit", type=int, default=0, help="take the first so many pictures of DATA")
    return parser.parse_args()


def fit(chosen: argparse.Namespace) -> dict[str, Path]:
    """Latents, directions, pseudo-autoencoders; gives name -> file."""
    work, generator = chosen.work, ["--weights", chosen.weights] if chosen.weights else []
    if not (work / "posed").exists():
        posed = ["--posed", "--limit", chosen.posed, *generator, "-o", work / "posed"]
        run("prepare", "latents", chosen.photos or chosen.data, *posed)
    if not (work / "people").exists():
        run("prepare", "latents", chosen.data, *generator, "--limit", chosen.limit, "-o", work / "people")
    fitted = work / "directions.safetensors"
    how = ["--within", "--compare", "--one-w", "--layers", "all", "--strength", STRENGTH, "-o", fitted]
    angles = [word for name in ANGLES for word in ("-c", name)]
    run("directions", "fit", work / "posed", *angles, *how)
    run("directions", "fit", work / "people", "--add", *how)
    epochs = ["--set", f"epochs={chosen.epochs}", "--set", f"halve_every={chosen.epochs / 15}"]
    for preset in ("paper", "residual"):
        if not (work / preset / "weights").exists():
            how = ["--preset", preset, "--data", work / "people", *epochs, "--set", "one_w=true"]
            run("train", "autoencoder", *how, "-o", work / preset)
    files = {name: work / preset / "weights" / "autoencoder.safetensors" for name, preset in
             (("autoencoder", "residual"), ("autoencoder_paper", "paper"))}  # fmt: skip
    return {"directions": fitted, **files}


def main() -> None:
    chosen = options()
    chosen.work.mkdir(parents=True, exist_ok=True)
    prefix = "" if chosen.weights else "stylegan_"
    written = {}
    for name, path in fit(chosen).items():
        written[name] = chosen.output / f"{prefix}{name}.safetensors"
        shutil.copyfile(path, written[name])
        print(written[name])
    generator = ["--weights", chosen.weights] if chosen.weights else []
    run("evaluate", "directions", *generator, "--directions", written["directions"], "--count", chosen.faces)
    fitted = [word for name in ("autoencoder_paper", "autoencoder") for word in ("--autoencoder", written[name])]
    run("evaluate", "bias", chosen.work / "people", *generator, *fitted, "--count", 4 * chosen.faces)


if __name__ == "__main__":
    main()
