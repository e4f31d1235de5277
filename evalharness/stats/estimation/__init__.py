"""Maximum likelihood of ratings: the shared fit, its covariance, and the fitted record."""
