"""``python -m bayescompare``: the program, where it is not on the path."""

from .cli import main

if __name__ == "__main__":
    main()
