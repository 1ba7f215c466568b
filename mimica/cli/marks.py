"""`mimica verify`: what a file says of itself; `mimica mark`: a key for C2PA manifests, and files signed with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from mimica.errors import UserError

_EXIT_CODES = {"ours": 0, "others": 0, "nothing": 1, "broken": 3}


def verify(
    file: Annotated[Path, typer.Argument(help="A picture or a video.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON: verdict and statements.")] = False,
) -> None:
    """Tell what a picture or video says of itself: C2PA manifests, XMP with IPTC's terms, comments, notes of other programs.

    The exit code is 0 if the file is marked, by Mimica or by others, 1 if it says nothing, 3 if a signature is broken. That a
    file says nothing does not make it genuine.

    mimica verify happy.jpg
    """
    from mimica.marks.verify import verify as ask

    report = ask(file)
    typer.echo(json.dumps(report.as_object(), indent=2) if as_json else str(report))
    raise typer.Exit(_EXIT_CODES[report.verdict])


def mark(
    file: Annotated[Path | None, typer.Argument(help="A finished picture or video to sign.", show_default=False)] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where the signed copy goes.")] = None,
    make_key: Annotated[
        bool, typer.Option("--make-key", help="Make a key of your own, and a chain of certificates, signed by themselves.")
    ] = False,
    owner: Annotated[str, typer.Option("--owner", help="For --make-key: the name that manifests will give.")] = "Mimica user",
    folder: Annotated[Path | None, typer.Option("--folder", help="For --make-key: where. (Default: the settings.)")] = None,
    sign_key: Annotated[Path | None, typer.Option("--sign-key", help="A private key (PEM). (Default: the settings'.)")] = None,
    sign_chain: Annotated[Path | None, typer.Option("--sign-chain", help="The certificates that belong to it (PEM).")] = None,
) -> None:
    """Make a key for C2PA manifests, or sign a finished file with one.

    Once there is a key in the settings folder, every result of Mimica is signed with it. A key of one's own shows that nobody has
    changed the file since; that its owner is who they say needs a certificate of a known authority: name that as --sign-key and
    --sign-chain, or in marks.ini in the settings folder.

    mimica mark --make-key --owner "Ada Lovelace"

    mimica mark film.mp4 -o signed.mp4
    """
    if make_key:
        _make_key(folder, owner)
        if file is None:
            return
    if file is None or output is None:
        raise UserError("Name a file and, as --output, where its signed copy goes; or give --make-key.")
    from mimica.cli.options import check_output
    from mimica.marks.c2pa import FORMATS
    from mimica.marks.marking import mark_file, wanted_marks

    check_output(output, FORMATS, file)
    credentials = wanted_marks("", key=sign_key, chain=sign_chain).credentials
    if credentials is None:
        raise UserError("There is no key to sign with: `mimica mark --make-key` makes one, or name yours with --sign-key.")
    mark_file(file, output, credentials)
    typer.echo(str(output))


def _make_key(folder: Path | None, owner: str) -> None:
    from mimica.marks.c2pa import make_key
    from mimica.marks.settings import settings_folder

    made = make_key(folder or settings_folder(), owner)
    typer.echo(f"{made.key}\n{made.chain}")
    if folder is None:
        typer.echo("From now on every result is signed with this key; delete it to end that.", err=True)
