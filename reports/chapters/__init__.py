"""The chapters of the reports: what is claimed, audited, measured and observed, as blocks of a document."""
