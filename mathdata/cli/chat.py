"""Try a model in the terminal: type a problem, see the answer."""

from __future__ import annotations

import json
from pathlib import Path

import click

from mathdata.cli.common import command as make_command
from mathdata.cli.common import message
from mathdata.screen import clean, json_line

__all__ = ["command"]


@make_command(name="chat")
@click.argument("model")
@click.option("--prompt", help="Prompt to render problems with (default: the one the model was trained with).")
@click.option("--max-tokens", default=512, show_default=True)
@click.option("--temperature", default=0.0, show_default=True)
def command(model: str, prompt: str | None, max_tokens: int, temperature: float, as_json: bool) -> None:
    """Try a model in the terminal: a folder, a run, a hub id, or a backend such as openai:NAME.

    One problem a line; an empty line or Ctrl-D ends. With --json each answer is one JSON object.
    """
    from mathdata.evaluation import make_backend
    from mathdata.prompts import get_prompt
    from mathdata.training import model_inside
    from mathdata.types import Problem, Request, Sampling

    model = model_inside(model)
    asked = get_prompt(prompt or trained_prompt(Path(model)))
    backend = make_backend(model)
    sampling = Sampling(temperature=temperature, max_tokens=max_tokens, seed=0 if temperature else None)
    for number, problem in enumerate(iter(lambda: read_line(as_json), None)):
        text = asked.render(problem)
        messages = ({"role": "user", "content": text},) if asked.chat else ()
        request = Request("chat", Problem(str(number), problem), messages, None if asked.chat else text, sampling)
        answer = backend.generate([request])[0][0]
        if as_json:
            click.echo(json_line({"problem": problem, "response": answer.text, "finish": answer.finish}))
        else:
            click.echo(clean(answer.text))
            if answer.finish == "length":
                message(f"(cut off at {max_tokens} tokens: --max-tokens)")


def trained_prompt(folder: Path) -> str:
    """The prompt that a run of ours was trained with; `plain` where none is known."""
    try:
        return str(json.loads((folder / "train.json").read_text(encoding="utf-8"))["spec"]["prompt"])
    except (OSError, ValueError, KeyError):
        message("no train.json beside the model: prompt 'plain' (choose one with --prompt)")
        return "plain"


def read_line(quiet: bool) -> str | None:
    """The next problem, None at the end."""
    try:
        line = input() if quiet else str(click.prompt(">", prompt_suffix=" ", default="", show_default=False, err=True))
    except (EOFError, click.Abort):
        return None
    return line.strip() or None
