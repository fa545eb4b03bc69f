"""Where copies live, beside the embedded server: installed programs, a server that is named, a base backup."""
