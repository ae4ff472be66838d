"""The published figures as named sets of runs, and what was found beside what was published."""
