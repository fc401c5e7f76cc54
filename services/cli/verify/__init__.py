"""`acquaint verify`: whether journal, topic and graph hold what was recorded, to the last record."""
