"""The pages: server-rendered, complete without a script, in two languages, light and dark."""
