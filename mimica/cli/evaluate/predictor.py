"""`mimica evaluate predictor`: how well the next expression is foretold."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.evaluate.tables import AsJson, show, table


def predictor(
    data: Annotated[list[Path], typer.Option("--data", help="A table of sequences, or its folder; may be given again.")],
    weights: Annotated[Path | None, typer.Option("--weights", help="Weights in place of the shipped ones.")] = None,
    cross_validate: Annotated[
        bool, typer.Option("--cross-validate", help="Train five times, each without a fifth of the clips; takes minutes.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """How well the next step is foretold, in nats a step on clips never seen, beside persistence and a Markov chain.

    mimica evaluate predictor --data sequences/ --cross-validate
    """
    from mimica.evaluate import predictor as predictor_evaluate
    from mimica.motion.predictor.predict import Predictor

    if cross_validate:
        rows = predictor_evaluate.cross_validate(data, say=lambda line: typer.echo(line, err=True))
    else:
        rows = predictor_evaluate.evaluate_weights(data, Predictor(weights))
    if as_json:
        typer.echo(json.dumps([{**asdict(row), "together": row.together} for row in rows], indent=1))
        return
    cells = [
        (row.model, *(f"{v:.2f}" for v in (row.emotion, row.motion, row.together)), f"{row.gain:+.2f} ± {row.gain_error:.2f}")
        for row in rows
    ]
    columns = ("", "emotion", "motion", "together", "gain on persistence ± s.e.")
    show(table("Log-likelihood of the next step, nats", columns, cells))
