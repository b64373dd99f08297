"""How people meet étude: no arithmetic here."""
