"""`acquaint demo`: the whole job on a simulated organisation, told in the terminal and in a report with pictures."""
