from .app import main as main
from .terminal.exit_codes import FAILED as FAILED
from .terminal.exit_codes import INTERRUPTED as INTERRUPTED
from .terminal.exit_codes import OK as OK
from .terminal.exit_codes import REFUSED as REFUSED
