"""`mimica evaluate`: figures on held-out people, printed as tables or JSON. One file a command."""

from __future__ import annotations

import typer

from mimica.cli.evaluate.acd import acd
from mimica.cli.evaluate.attributes import attributes
from mimica.cli.evaluate.bias import bias
from mimica.cli.evaluate.directions import directions
from mimica.cli.evaluate.driving import driving
from mimica.cli.evaluate.expressions import expressions
from mimica.cli.evaluate.film import film
from mimica.cli.evaluate.generator import generator
from mimica.cli.evaluate.official import official
from mimica.cli.evaluate.pose import pose
from mimica.cli.evaluate.predictor import predictor
from mimica.cli.evaluate.projection import projection
from mimica.cli.evaluate.reader import reader
from mimica.cli.evaluate.restoring import restoring
from mimica.cli.evaluate.sheet import sheet
from mimica.cli.evaluate.synthesis import synthesis
from mimica.cli.evaluate.vae import vae

app = typer.Typer(help="Measure the models on people they were not trained on.", no_args_is_help=True)

LATENT = (generator, directions, bias, projection, synthesis, official)
for command in (expressions, acd, driving, film, pose, predictor, vae, attributes, *LATENT, restoring, reader, sheet):
    app.command(command.__name__)(command)
