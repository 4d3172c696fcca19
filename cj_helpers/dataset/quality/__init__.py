"""Tables of the data-quality report."""
