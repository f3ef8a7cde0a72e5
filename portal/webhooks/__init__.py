"""Webhooks (API-1): which events there are, how they are signed, and how they leave the portal.

`events` is what apps register and publish by; the services `webhooks`, `webhook_events` and
`webhook_deliveries` are the only writers.
"""
