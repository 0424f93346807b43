"""What retrieval has learned from labelled questions, kept as data: a map, a memory, related words, weights."""
