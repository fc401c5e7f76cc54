"""The notifications service: what others decided reaches the right person, on the right channel, at a bearable time."""
