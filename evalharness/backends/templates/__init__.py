"""Templates of prompts, rendered within limits of time, memory and length."""
