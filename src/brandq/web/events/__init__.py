"""The event stream: one watch of each execution in a process, what it tells, and what a listener has missed."""
