"""What every command shares: --json, --debug, two-line errors, exit codes, progress on standard error."""

from __future__ import annotations

import functools
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

from mathdata.errors import MathdataError, UsageError
from mathdata.screen import clean, json_line

__all__ = ["CSV_SAFE", "Command", "check_csv_safe", "command", "emit", "fail", "message"]


def message(text: str) -> None:
    """A line for people: on standard error, so that standard output stays machine-readable."""
    click.echo(clean(text), err=True)


def emit(result: dict[str, Any], as_json: bool, human: Callable[[dict[str, Any]], None] | None = None) -> None:
    """One JSON object on standard output, or what `human` prints."""
    if as_json:
        click.echo(json_line(result))
    elif human is not None:
        human(result)


def fail(error: MathdataError) -> NoReturn:
    message(f"error: {_one_line(scrubbed(error.message))}")
    message(f"hint: {_one_line(scrubbed(error.hint)) or 'run again with --debug for the traceback'}")
    sys.exit(error.exit_code)


def show_traceback(error: BaseException, code: int = 1) -> NoReturn:
    """The whole traceback on standard error; what a row or a file put into it steers no terminal."""
    message(scrubbed("".join(traceback.format_exception(error)).rstrip()))
    sys.exit(code)


def scrubbed(text: str) -> str:
    """Without a key that was sent, where one was."""
    keys = sys.modules.get("mathdata.keys")
    return str(keys.scrub(text)) if keys is not None else text


def _one_line(text: str) -> str:
    return " ".join(clean(text).split())


class Command(click.Command):
    """A command whose usage errors are two lines and whose failures keep the house's exit codes."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Click would take the last of two values without a word; a name that is not text can stand in no manifest."""
        for arg in args:
            if any("\ud800" <= c <= "\udfff" for c in arg):
                raise UsageError(f"'{arg}' is not UTF-8", "give the file or folder a name in UTF-8")
        given = self.make_parser(ctx).parse_args(args=list(args))[2]
        for param in self.params:
            if isinstance(param, click.Option) and not (param.multiple or param.is_flag) and given.count(param) > 1:
                raise UsageError(f"{param.opts[-1]} is given {given.count(param)} times", "give it once")
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        debug = ctx.params.pop("debug", False) or bool(os.environ.get("MATHDATA_DEBUG"))
        if not debug:  # other libraries' notes to their developers are not our user's business
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return super().invoke(ctx)
        except MathdataError as error:
            if debug:
                show_traceback(error, error.exit_code)
            fail(error)
        except KeyboardInterrupt:
            message("interrupted: what is finished stays; run the same command again to go on")
            sys.exit(130)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except OSError as error:
            if debug:
                show_traceback(error)
            fail(MathdataError(os_error(error), "check the path, its permissions and the free space"))
        except (click.ClickException, click.Abort, click.exceptions.Exit, SystemExit):
            raise
        except Exception as error:
            if debug:
                show_traceback(error)
            fail(
                MathdataError(
                    f"{type(error).__name__}: {error}", "this is a defect of mathdata; --debug shows the traceback"
                )
            )


CSV_SAFE = (
    "Put ' before cells of a .csv that begin with = + - @, which a spreadsheet runs.  [default: cells as they are]"
)


def check_csv_safe(out: Path | None, asked: bool) -> None:
    """Before any work. Raises UsageError where the output is no .csv."""
    if asked and (out is None or out.suffix.lower() != ".csv"):
        raise UsageError("--csv-safe is for an output that ends in .csv", "leave it out, or -o rows.csv")


def os_error(error: OSError) -> str:
    words = error.strerror or str(error)
    return f"{error.filename}: {words}" if error.filename else words


def command(**settings: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """`click.command` with --json (passed as `as_json`) and --debug."""

    def wrap(function: Callable[..., Any]) -> click.Command:
        @functools.wraps(function)
        def run(**params: Any) -> Any:
            return function(**params)

        made = click.command(cls=Command, **settings)(run)
        made.params += COMMON
        return made

    return wrap


COMMON: list[click.Parameter] = [
    click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON object on standard output."),
    click.Option(["--debug"], is_flag=True, help="Show the traceback of an error."),
]
