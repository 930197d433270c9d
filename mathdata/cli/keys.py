"""Say which key may go to which server; without arguments, list what was said"""

from __future__ import annotations

from pathlib import Path

import click

from mathdata.cli.common import command as make_command
from mathdata.cli.common import emit

__all__ = ["command"]


@make_command(name="keys")
@click.argument("server", required=False)
@click.option("--env", metavar="NAME", help="Environment variable that holds the key.")
@click.option("--file", "file_", type=click.Path(path_type=Path), help="File that holds the key alone.")
@click.option("--forget", is_flag=True, help="No key may go there any more.")
def command(server: str | None, env: str | None, file_: Path | None, forget: bool, as_json: bool) -> None:
    """Let the key in --env or --file go to SERVER (https://host, http://host:port), and remember it.

    A recipe may name a server and a key; the key is sent only where it was bound to the server here. The keys
    themselves are not stored.
    """
    from mathdata.errors import UsageError
    from mathdata.keys import VARIABLE, Source, bind, bindings, keys_file

    given = [env is not None, file_ is not None, forget]
    if server is not None and sum(given) != 1:
        raise UsageError("keys: one of --env, --file and --forget", f"mathdata keys {server} --env NAME")
    if server is None and any(given):
        raise UsageError("keys: which server?", "mathdata keys https://host --env NAME")
    if env is not None and not VARIABLE.fullmatch(env):
        raise UsageError("--env is not the name of a variable", "the name, never the key: --env LAB_KEY")
    if server is not None:
        source = Source(file=file_.expanduser().absolute()) if file_ else Source(env=env) if env else None
        bind(server, source)
    found = {origin: str(source) for origin, source in bindings().items()}
    emit({"file": str(keys_file()), "keys": found}, as_json, _print)


def _print(result: dict[str, object]) -> None:
    keys = result["keys"]
    assert isinstance(keys, dict)
    for origin, source in keys.items():
        click.echo(f"{origin}  {source}")
    if not keys:
        click.echo("no key is bound to a server: mathdata keys https://host --env NAME")
