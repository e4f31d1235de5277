"""Checks of a run's judges: audits with probes, and drift checks against an earlier run."""
