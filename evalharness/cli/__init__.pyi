from .app import main as main
from .terminal.exit_codes import FAILED as FAILED
from .terminal.exit_codes import INTERRUPTED as INTERRUPTED
from .terminal.exit_codes import OK as OK
from .terminal.exit_codes import OUTPUT_CLOSED as OUTPUT_CLOSED
from .terminal.exit_codes import REFUSED as REFUSED
from .terminal.unexpected_error import UNEXPECTED as UNEXPECTED
from .terminal.unexpected_error import report_unexpected_error as report_unexpected_error
