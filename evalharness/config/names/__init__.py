"""Names of models and judges as people write them: a provider's, the hub's, a folder, an alias."""
