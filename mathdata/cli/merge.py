"""Merge a run's adapter into its base model: one folder that any loader takes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from mathdata.cli.common import command as make_command
from mathdata.cli.common import emit, message
from mathdata.errors import BackendError, UsageError

__all__ = ["command"]


@make_command(name="merge")
@click.argument("run", type=click.Path(exists=True, path_type=Path))
@click.option("--out", "-o", required=True, type=click.Path(path_type=Path), help="Folder of the merged model.")
@click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "bf16", "fp16"]),
    default="auto",
    show_default=True,
    help="What the merged weights are stored in (auto: as the base is). The sum is made in fp32.",
)
@click.option("--push", metavar="HUB_ID", help="Also upload it to the hub, as a private repository.")
@click.option("--public", is_flag=True, help="With --push: make the repository public.")
def command(run: Path, out: Path, precision: str, push: str | None, public: bool, as_json: bool) -> None:
    """Merge a run's adapter into its base model: safetensors, tokenizer and chat template in one folder."""
    from mathdata.training import need_torch

    if public and not push:
        raise UsageError("--public says how to push", "add --push OWNER/NAME")
    if push and push.count("/") != 1:
        raise UsageError(f"--push {push}: a repository on the hub is owner/name", "the model's folder is -o")
    need_torch()
    from trainers.merge import merge

    done = merge(run, out, precision=precision)
    if push:
        done["pushed"] = upload(out, push, private=not public)
    emit(done, as_json, print_merged)


def print_merged(done: dict[str, Any]) -> None:
    how = ", summed in fp32" if done["arithmetic"] == "fp32" else ""
    click.echo(f"{done['parameters']:,} parameters in {done['out']}, {done['precision']}{how}")
    if "pushed" in done:
        click.echo(f"pushed to {done['pushed']}")


def upload(folder: Path, name: str, private: bool) -> str:
    """The folder as a commit to a model repository. Raises BackendError with the hub's own words."""
    from huggingface_hub import HfApi

    endpoint = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    api = HfApi(endpoint=endpoint)
    try:
        where = api.create_repo(name, private=private, exist_ok=True)
        if private and api.repo_info(where.repo_id).private is False:
            raise UsageError(f"{name} is there already, and public", "--public, or another name; nothing was uploaded")
        message(f"uploading {folder} to {where.repo_id} ({'private' if private else 'public'})")
        return str(api.upload_folder(repo_id=where.repo_id, folder_path=folder).commit_url)
    except UsageError:
        raise
    except Exception as error:
        host = endpoint.split("://")[-1]
        words = f"{type(error).__name__}: {error}".strip().splitlines()[0]
        raise BackendError(
            f"{name} on {host}: {words}", f"the model is in {folder}; hf auth login or HF_TOKEN, or HF_ENDPOINT"
        ) from None
