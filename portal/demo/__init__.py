"""The demo world: sellers in every stage, a lived-through year and a half, all made up.

`catalogue.toml` holds what people read (categories, attributes, product words); `world` turns it into
rows of the ingest kinds, the same on every machine; `manage.py demo` feeds them and runs one night.
"""
