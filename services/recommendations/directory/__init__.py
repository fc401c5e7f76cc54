"""The directory: everybody's profile state in memory, who may be suggested now, and how alike profiles are."""
