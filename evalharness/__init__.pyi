from .report.run_frames import Run as Run
from .report.run_frames import load_run as load_run
from .stats.ratings.rating_frames import rate as rate
from .stats.ratings.rating_frames import rate_online as rate_online
from .stats.ratings.rating_frames import win_rates as win_rates
from .store.battle_files import count_battles as count_battles
