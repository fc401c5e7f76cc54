"""The interactions service: takes in what happened between people, once and for ever, and keeps the journal of it."""
