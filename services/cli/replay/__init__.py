"""`acquaint replay`: an interaction stream from a file, recorded as if it had just happened; on development stacks."""
