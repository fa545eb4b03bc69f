"""Records of commands, and the deployment plan that is decided by them."""
