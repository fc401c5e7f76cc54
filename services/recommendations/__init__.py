"""Recommendations: the graph as a view of every interaction, suggestions with true reasons, introductions."""
