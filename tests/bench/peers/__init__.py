"""Published programs and libraries beside nightlamp: the same work, in turns. `make bench-peers` runs all."""
