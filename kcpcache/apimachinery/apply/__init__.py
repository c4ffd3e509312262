"""Server-side apply: who owns which field, and what happens when two managers want the same one."""
