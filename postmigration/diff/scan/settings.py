"""The planner's settings for reading whole tables."""

# One scan into few groups, whatever the planner takes their number for; workers are as many as the server allows.
SCAN = {"jit": "off", "enable_sort": "off", "parallel_setup_cost": "0", "parallel_tuple_cost": "0"}
# Packs of rows come in order from a sort, which goes to disk where it must; a hash table would have to hold them all.
SORT = {"jit": "off", "enable_hashagg": "off", "parallel_setup_cost": "0", "parallel_tuple_cost": "0"}
