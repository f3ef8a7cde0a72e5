"""Finding terms in texts: folding of look-alikes, the automaton, and the library of what is published."""
