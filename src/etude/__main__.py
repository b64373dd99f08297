"""``python -m etude``: the command line."""

from etude.faces.cli import main

if __name__ == "__main__":
    main()
