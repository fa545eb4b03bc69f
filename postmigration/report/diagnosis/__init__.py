"""From findings to causes: which of them say the same, which follow from others, and what to do first."""
