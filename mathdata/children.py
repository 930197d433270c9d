"""Python processes of ours, and this one: modules come from where they are installed, never from the working folder."""

# Runs before anything else is imported: only modules that Python itself has loaded by then, and none at the top but these.
import os
import sys

__all__ = ["environment", "leave_working_folder", "python"]

HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""The folder that mathdata and trainers lie in: a checkout or site-packages."""


def python(module: str, *words: str, interpreter: "str | None" = None) -> "list[str]":
    """The command line of a child: `-P` keeps the folder it is started in off its path."""
    return [interpreter or sys.executable, "-P", "-m", module, *words]


def environment(base: "dict[str, str] | None" = None, **more: str) -> "dict[str, str]":
    """A child's environment (default: ours) and `more`; what the child starts itself keeps off the folder, too."""
    found = {**(os.environ if base is None else base), "PYTHONSAFEPATH": "1", **more}
    path = absolute(found.pop("PYTHONPATH", ""))
    if not installed():
        path = [HOME, *(p for p in path if p != HOME)]
    return found | ({"PYTHONPATH": os.pathsep.join(path)} if path else {})


def leave_working_folder() -> None:
    """Take the working folder off this process' path, and off that of all it will start.

    It stands there by `python -m`, or by an empty or relative entry of PYTHONPATH. A checkout of mathdata stays where
    it is the working folder, and so does a folder that PYTHONPATH names in full.
    """
    named = absolute(os.environ.get("PYTHONPATH", ""))
    try:
        here = os.path.realpath(os.getcwd())
    except OSError:  # the folder is gone: nothing can be imported from it
        here = ""
    sys.path[:] = [p for p in sys.path if p and (os.path.realpath(p) != here or here == HOME or p in named)]
    os.environ.update(environment())
    if not named and installed():
        os.environ.pop("PYTHONPATH", None)


def absolute(path: str) -> "list[str]":
    """The entries of a PYTHONPATH that mean the same folder wherever a process stands."""
    return [p for p in path.split(os.pathsep) if os.path.isabs(p)]


def installed() -> bool:
    """Whether a fresh Python finds mathdata by itself: beside other packages, or by the checkout's .pth file."""
    homes = [p for p in sys.path if os.path.basename(p) in ("site-packages", "dist-packages")]
    return HOME in homes or any(HOME in links(home) for home in homes)


def links(home: str) -> "set[str]":
    """Folders that the .pth files of a site-packages name."""
    found: set[str] = set()
    for name in sorted(os.listdir(home)) if os.path.isdir(home) else ():
        if name.endswith(".pth"):
            with open(os.path.join(home, name), encoding="utf-8", errors="replace") as lines:
                found.update(line.strip() for line in lines)
    return found
