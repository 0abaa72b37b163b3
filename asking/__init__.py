"""How exchanges are asked, and how patiently; no exchange, symbol or chat is known here."""
