"""Merge a run's adapter into its base model: one folder that any loader takes."""

from __future__ import annotations

from pathlib import Path

import click

from mathdata.cli.common import command as make_command
from mathdata.cli.common import emit, message

__all__ = ["command"]


@make_command(name="merge")
@click.argument("run", type=click.Path(exists=True, path_type=Path))
@click.option("--out", "-o", required=True, type=click.Path(path_type=Path), help="Folder of the merged model.")
@click.option("--dtype", type=click.Choice(["auto", "float32", "bfloat16", "float16"]), default="auto")
@click.option("--push", metavar="HUB_ID", help="Also upload it to the hub, as a private repository.")
@click.option("--public", is_flag=True, help="With --push: make the repository public.")
def command(run: Path, out: Path, dtype: str, push: str | None, public: bool, as_json: bool) -> None:
    """Merge a run's adapter into its base model: safetensors, tokenizer and chat template in one folder."""
    from mathdata.training import need_torch

    need_torch()
    from trainers.merge import merge

    done = merge(run, out, dtype=dtype)
    if push:
        done["pushed"] = upload(out, push, private=not public)
    emit(done, as_json, lambda d: click.echo(f"{d['parameters']:,} parameters in {d['out']}"))


def upload(folder: Path, name: str, private: bool) -> str:
    from huggingface_hub import HfApi

    api = HfApi()
    where = api.create_repo(name, private=private, exist_ok=True)
    message(f"uploading {folder} to {where.repo_id} ({'private' if private else 'public'})")
    api.upload_folder(repo_id=where.repo_id, folder_path=folder)
    return str(where)
