"""Training by SGD, with records taken from the step itself."""
