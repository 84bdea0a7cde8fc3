"""`python -m nightlamp`: the command line."""

from nightlamp.cli import main

if __name__ == "__main__":
    main()
