"""Random worlds: none that is sound is accused, no single change goes unseen, nobody breaks a rule by working."""
