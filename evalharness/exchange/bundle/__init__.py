"""Write, verify and restore bundles: archives of whole runs that others can verify."""
