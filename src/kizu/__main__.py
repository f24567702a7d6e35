"""`python -m kizu` is the command `kizu`."""

from kizu.cli import main

if __name__ == "__main__":
    main()
