"""Trains tiny networks in a script of its own, as each process of a training starts the script again."""

import sys
from dataclasses import replace
from pathlib import Path

from test_paper_train import TINY, train

if __name__ == "__main__":
    data, folder, devices, variant = sys.argv[1:]
    train(Path(data), Path(folder), replace(TINY, devices=int(devices), variant=variant, steps=6))
