"""Statistics of battles and grades: arrays in, frozen results out; nothing is read or drawn here."""
