"""How the models of a run are called: sessions, budgets, threads and the order of loading."""
