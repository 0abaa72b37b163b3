"""The watchman: which alerts ring, what they ask of the market, and how what rang reaches its chat."""
