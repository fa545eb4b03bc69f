"""The measure of repairs: what the findings of a fault print is run on a copy, and the copy judged anew."""
