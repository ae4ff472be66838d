"""Statistics of parts of a batch: per replica, or of ghost batches."""
