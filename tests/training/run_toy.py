"""Trains the toy of test_training in FOLDER with DEVICES processes, a checkpoint every EVERY steps; a script of
its own, as each process starts it again."""

import sys
from pathlib import Path

from test_training import train

if __name__ == "__main__":
    train(Path(sys.argv[1]), devices=int(sys.argv[2]), checkpoint_every=int([*sys.argv, "0"][3]))
