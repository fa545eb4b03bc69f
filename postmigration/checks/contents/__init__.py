"""What the tables of any two databases hold: rows, keys to come, rules that rows keep, and what is made of them."""
