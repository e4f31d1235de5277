"""How far a ranking depends on the way of counting."""
