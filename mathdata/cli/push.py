"""Publish a curated set with its card: to a folder, or to a dataset repository on a hub"""

from __future__ import annotations

import click

from mathdata.cli.common import command, emit
from mathdata.cli.common import message as note

__all__ = ["command"]


@command(name="push")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.argument("repository")
@click.option("--public", is_flag=True, help="Make a new hub repository public; without it, private.")
@click.option("--message", "-m", help="Commit message.")
@click.option("--overwrite", is_flag=True, help="Replace files there that no push wrote.")
def _push(as_json: bool, file: str, repository: str, public: bool, message: str | None, overwrite: bool) -> None:
    """Write FILE, its data card and its Croissant metadata to REPOSITORY: ./folder, or owner/name on the hub.

    The hub is HF_ENDPOINT or huggingface.co; the key is the one of `hf auth login` or HF_TOKEN.
    """
    from mathdata.pushing import push

    result = push(file, repository, public=public, message=message, overwrite=overwrite)
    if result["replaced"]:
        note(f"replaced, though no push had written it: {', '.join(result['replaced'])}")
    emit(result, as_json, lambda r: click.echo(f"{', '.join(r['files'])} -> {r['where']}"))


command = _push
