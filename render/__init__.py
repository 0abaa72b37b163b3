"""How answers look: figures, tables, sentences. Pure."""
