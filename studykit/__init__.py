"""The kit of the studies: what `pairs`, `disc` and the command line share."""
