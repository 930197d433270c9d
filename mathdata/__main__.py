"""`python -m mathdata` is the command line."""

from mathdata.cli.app import main

main()
