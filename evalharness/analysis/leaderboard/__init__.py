"""Build the leaderboard of a run, with its cautions."""
