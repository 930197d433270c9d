"""The command line: a lazy group; a command's module is imported only when it is called."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from mathdata.errors import UsageError, nearest

__all__ = ["main"]

COMMANDS = Path(__file__).parent
STAGES = COMMANDS.parent / "stages"
NOT_COMMANDS = {"app", "common", "stage", "progress", "__init__"}


def first_line(path: Path) -> str:
    """The first line of a file's docstring: what it is for. Read as text, nothing is imported."""
    with path.open(encoding="utf-8") as f:
        return f.readline().strip().strip('"').rstrip(".")


class Lazy(click.Group):
    """Command names are the files of `cli/` and `stages/`; their help is those files' first line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        own = {p.stem.rstrip("_") for p in COMMANDS.glob("*.py") if p.stem not in NOT_COMMANDS}
        stages = {p.stem for p in STAGES.glob("*.py") if not p.stem.startswith("_")}
        return sorted(own | stages)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(ctx):
            return None
        if (STAGES / f"{name}.py").is_file():
            return import_module("mathdata.cli.stage").stage_command(name)  # type: ignore[no-any-return]
        for stem in (name, name + "_"):
            if (COMMANDS / f"{stem}.py").is_file():
                made: click.Command = import_module(f"mathdata.cli.{stem}").command
                return made
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = []
        for name in self.list_commands(ctx):
            homes = (STAGES / f"{name}.py", COMMANDS / f"{name}.py", COMMANDS / f"{name}_.py")
            rows.append((name, first_line(next(p for p in homes if p.is_file()))))
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in self.list_commands(ctx):
            raise UsageError(f"no command named '{name}'", nearest(name, self.list_commands(ctx)))
        return super().resolve_command(ctx, args)


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"mathdata {version('mathdata')}")
        ctx.exit()


@click.group(
    cls=Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Start with: mathdata run quickstart",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version."
)
def app() -> None:
    """mathdata: from a raw mathematics corpus to measured accuracy, with a receipt for every row."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line; usage errors are two lines and exit code 2."""
    from mathdata.cli.common import fail
    from mathdata.memory import tame_allocator

    tame_allocator()
    gc.set_threshold(100_000, 20, 20)  # columns of Python objects hold no cycles: looking for them costs 5 % of a stage
    try:
        app.main(args=list(argv) if argv is not None else None, prog_name="mathdata", standalone_mode=False)
    except UsageError as error:
        fail(error)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(2)
    except click.ClickException as error:
        fail(UsageError(error.format_message().partition(" (Did you mean")[0], _usage_hint(error)))
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(130)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)


def _usage_hint(error: click.ClickException) -> str:
    ctx = getattr(error, "ctx", None)
    if isinstance(error, click.NoSuchOption) and ctx is not None:
        valid = [o for p in ctx.command.params for o in p.opts if o.startswith("--")]
        return nearest(error.option_name, valid)
    return f"see: {ctx.command_path} --help" if ctx is not None else "see: mathdata --help"


if __name__ == "__main__":
    main()
