"""One module per exchange, which does no I/O: it says where to ask and how to read the answer.

Units are converted there, once: whatever leaves a module is in base or quote currency, in percent where
the name says `_pct`, in milliseconds where it says `_ms`; what the exchange did not say is None.

words       the records, and the units they are in
errors      the tree of what can go wrong
endpoints   where to ask
reading     JSON into figures
symbols     how people and exchanges spell
table       all exchanges
"""
