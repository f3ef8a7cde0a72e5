"""Products: the form, lists and files of them, what changed between revisions (LST-1, LST-2)."""
