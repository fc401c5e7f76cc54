"""The rules about people, in terms of field names, days and instants; standard library only."""
