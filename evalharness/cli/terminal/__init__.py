"""The terminal: exit codes, interrupts and progress bars."""
