"""Networks of other libraries, cut where they normalise."""
