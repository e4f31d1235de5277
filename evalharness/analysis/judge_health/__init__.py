"""Whether a judge can be trusted: its rates in a run and in an audit."""
