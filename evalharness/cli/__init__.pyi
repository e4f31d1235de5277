from .app import main as main
from .terminal.exit_codes import FAILED as FAILED
from .terminal.exit_codes import OK as OK
from .terminal.exit_codes import print_lines as print_lines
from .terminal.exit_codes import print_problems as print_problems
from .terminal.interrupt import run_interruptible as run_interruptible
from .terminal.progress_bars import ProgressBars as ProgressBars
