"""Where models that take memory run: this machine, or a Ray cluster."""
