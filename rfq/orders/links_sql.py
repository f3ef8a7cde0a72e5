"""Which orders link to a quote, as SQL: one definition for nights, metrics and pages (RFQ-16, RFQ-17)."""

from __future__ import annotations


def links_sql(order: str = "o", known: str = "%(known)s") -> str:
    """Return the condition that an order links: its seller quoted its buyer in the three years before.

    `order` is the alias of a `portal_order`. `known` is the instant up to which refunds are known: a
    quote refunded before it links nothing, like it counts in no other figure. A quote made after the
    order does not link.
    """
    return (
        f"EXISTS (SELECT 1 FROM rfq_quote linking WHERE linking.seller_id = {order}.seller_id "
        f"AND linking.buyer_id = {order}.buyer_id "
        f"AND linking.submitted_at <= {order}.created_at "
        f"AND linking.links_until >= {order}.created_at "
        f"AND (linking.refunded_at IS NULL OR linking.refunded_at >= {known}))"
    )
