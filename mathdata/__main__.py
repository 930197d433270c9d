"""The command line, for `mathdata` and `python -m mathdata`: before anything is imported, the working folder leaves the path."""

from mathdata.children import leave_working_folder

leave_working_folder()

from mathdata.cli.app import main  # noqa: E402

if __name__ == "__main__":
    main()
