"""The frozen report as files that people pass on: one module for each form, all from the same document."""
