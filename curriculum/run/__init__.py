"""A run on disk: its folder, what is to be done with it, and what became of it.

    phases = runner.run(Request(loaded=plan, kinds=kinds, folder=RunFolder(path)))

`folder`, `actions`, `status`, `verify` and `results` need no torch; the others do.
"""
