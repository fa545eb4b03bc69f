"""How the values of a column follow from rows of before."""
