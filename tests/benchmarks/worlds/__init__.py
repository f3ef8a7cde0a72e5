"""Made-up marketplaces of any size: the same rows for the same size and seed, on every database.

| module | what it makes | how |
|---|---|---|
| `themes`, `themes_load` | products' projections and themes | drawn in blocks by NumPy, streamed by `COPY` |
| `market` | open RFQs with their words, buyers, a shop with products | drawn in blocks by NumPy, streamed by `COPY` |
| `score`, `growth` | a season of quotes; shops with 400 days of facts | expressions over the row's number, inside the database |
| `gate` | shops, products, registrations | from the row's number, streamed by `COPY` |
| `screening` | terms and texts | in memory: that is where screening happens |
| `ingest` | files of rows of each kind | written row by row |
| `pages` | one shop that has everything, in a market of any size | `market`, the fixtures of the page tests, ingest |

`catalogue` is the tree of 5,000 leaves that `themes` and `market` share; `generated` the expressions and
`writing` the ways to write. Every benchmark takes `--seed`.
"""
