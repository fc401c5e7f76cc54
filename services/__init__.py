"""Acquaint: four services, the platform they stand on, a local stack and a command line."""
