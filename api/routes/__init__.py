"""Routes of the service by path.

events           /v1/events
facts            /v1/facts, /v1/facts/summary
recommendations  /v1/users/{id}/recommendations, /v1/items/{id}/similar, /v1/placements
batch            /v1/recommendations:batch
rank             /v1/rank
explain          /v1/explain
audience         /v1/audience, /v1/items/{id}/audience, /v1/users/{id}/similar
users            /v1/users/{id} (data, export, erasure), /v1/users:merge, /v1/users:unmerge, /v1/receipts/{id}
needs            /v1/users/{id}/needs
changes          /v1/customers/changes
customers        /v1/customers/{id}, /v1/customers/summary
items            /v1/items, /v1/items:search, /v1/items/{id}
campaigns        /v1/campaigns, :try, /v1/campaigns/{campaign_id}, /result, :draw, :export, :close
segments         /v1/segments, /v1/segments/versions, /v1/segments:try
search           /v1/customers:search
promotions       /v1/promotions, :try, /v1/promotions/versions; offers: /v1/users/{id}/offers; proposals: uses, bundles,
                 upsell, table, effect, responses, loyalty below /v1/promotions
rules            /v1/rules, /v1/rules/versions, /v1/rules:try
kpis             /v1/kpis, /v1/cohorts, /v1/expected-units, /v1/pairs, /v1/movers
shown            /v1/shown/rates
judge            reports: /v1/evaluations, /v1/verdicts and their pages; answers: /v1/evaluations:try
experiments      /v1/experiments, :try, /v1/experiments/{id}, its result and stop
runs             /v1/settings, /v1/runs, /v1/runs/{id}, /v1/releases, /v1/releases:promote, /v1/releases:rollback
health           /livez, /readyz, /version, /metrics
versioned holds what documents of TOML share.
query and response hold what several routes share: the query of a request, and bytes with headers.
"""
