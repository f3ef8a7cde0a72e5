"""An app that only the night's process tests install: it stops jobs at chosen points."""
