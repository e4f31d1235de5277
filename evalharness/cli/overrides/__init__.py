"""The verbs that take Hydra overrides: their options, and what they share."""
