"""What is filled in once a configuration is composed: who set a value, and what a judge takes over."""
