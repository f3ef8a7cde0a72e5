"""The nightly engine: jobs, shards, the ledger and standings (NGT-1 … NGT-8).

| module | what it does |
|---|---|
| `registry` | `@job`: what a job needs, how it shards, what it computes |
| `plans` | planners that cut a population into ranges of keys |
| `standings` | staging and publishing of differences |
| `night_sql` | the statements behind `standings`, generated from a model |
| `engine` | computing a shard, publishing a job, advancing a run |
| `ledger` | starting, retrying and reading runs |
| `schedule` | which finished days lack a complete run |
| `published` | what readers may see |
| `export` | standings as canonical JSON lines |
"""
