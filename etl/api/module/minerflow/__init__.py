from etl.api import *  # noqa: F403
from etl.api import __all__ as __all__
from etl.api import __doc__ as __doc__
from etl.api import __version__ as __version__
