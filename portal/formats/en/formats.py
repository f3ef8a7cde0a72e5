"""Days and instants inside sentences are written as those of `day` and `instant` beside them (UI-6)."""

DATE_FORMAT = "M j, Y"
DATETIME_FORMAT = "M j, Y H:i"
TIME_FORMAT = "H:i"
