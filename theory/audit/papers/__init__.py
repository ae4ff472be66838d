"""What is printed, one file a paper."""
