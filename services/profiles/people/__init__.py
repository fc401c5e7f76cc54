"""What happens to people: every change is one transaction with its versions and the records of both state topics."""
