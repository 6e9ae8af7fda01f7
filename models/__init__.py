"""The template files. In a checkout ``from models import wells`` is ``from bayescompare.models import wells``."""

from bayescompare.models import __all__ as __all__
from bayescompare.models import __dir__ as __dir__
from bayescompare.models import __getattr__ as __getattr__

__path__ = []  # a file here is loaded as bayescompare.templates.library.NAME, and as nothing else
