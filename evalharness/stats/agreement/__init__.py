"""How far judges agree with each other, with people and with themselves."""
