"""What is remembered between two starts. Stands on the ground: words, one file of SQL, an engine each."""
