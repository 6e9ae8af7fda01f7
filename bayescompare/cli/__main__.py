"""``python -m bayescompare.cli``: the program, where it is not on the path."""

from . import main

main()
