"""Where the templates are: each is a file ``NAME.py`` that defines ``NAME``. Their data are in the folder ``data``.

In the wheel they lie beside this file, in a checkout in the top-level folder ``models``.
"""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent

#: The folder of the template files.
FOLDER = _HERE if (_HERE / "data").is_dir() else _HERE.parents[2] / "models"

__path__ = [str(FOLDER)]
