"""Many databases judged as one: which of them may go live, which not, and what is wrong with more than one of them."""
