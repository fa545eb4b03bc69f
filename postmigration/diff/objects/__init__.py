"""Two states of the objects of a database compared, property by property: what is lost, weaker, wider, or only new."""
