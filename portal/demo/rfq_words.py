"""Words of the demo's requests for quotation."""

COUNTRY_NAMES = {
    "US": "the United States",
    "CA": "Canada",
    "GB": "the United Kingdom",
    "DE": "Germany",
    "FR": "France",
    "AU": "Australia",
    "MX": "Mexico",
    "BR": "Brazil",
    "ID": "Indonesia",
    "MY": "Malaysia",
    "NL": "the Netherlands",
    "ES": "Spain",
    "IT": "Italy",
    "PL": "Poland",
    "AE": "the United Arab Emirates",
    "SA": "Saudi Arabia",
    "ZA": "South Africa",
    "JP": "Japan",
}

CHINESE_SPEAKING = ("ID", "MY", "AE")
"""Countries from which the demo's Chinese requests come."""

TITLES = [
    "{noun}, {trait} – {quantity} {units}",
    "Looking for a manufacturer of {noun}, {trait}",
    "{quantity} {units} {noun} with our logo, for {country}",
    "Quotation needed: {noun}, {trait}",
    "Wholesale {noun} for our online store",
    "{noun} for a retail chain in {country}, repeat orders",
    "Sample first, then {quantity} {units}: {noun}",
    "OEM {noun}, {trait}, own packaging",
    "New supplier wanted for {noun}, {quantity} {units} a month",
    "{noun} – best price for {quantity} {units} delivered to {country}",
]

CHINESE_TITLES = [
    "求购{name}{quantity}{units}，{trait}",
    "寻找{name}工厂，可贴牌，{quantity}{units}",
    "长期采购{name}，{trait}，请报价",
]

OPENINGS = [
    "We import for shops in {country} and are looking for a long-term partner.",
    "We sell online in {country} and want to add this item before the season.",
    "Our current supplier cannot keep the delivery dates; we need a second source.",
    "This is for a project with a fixed date, so please be exact about the lead time.",
    "We buy this item every quarter and compare offers once a year.",
]

ASKS = [
    "Please state MOQ, lead time and whether you can send a sample.",
    "Please send photos of the production line and the packaging.",
    "Which test reports do you have? CE or equivalent is a must.",
    "Please quote for {quantity} and for double that quantity.",
    "Can you print our logo, and from which quantity on?",
    "Please answer all points; offers without them are not considered.",
    "Tell us the carton size and weight, we ship by sea.",
]

CHINESE_ASK = "请注明起订量、交期，以及能否提供样品。"

CLOSINGS = ["Thank you.", "Looking forward to your offer.", "Only manufacturers, please.", ""]

MESSAGE = (
    "Dear buyer, thank you for your request. We have made this item for 9 years, 40,000 pieces a "
    "month, for chains in Europe and the United States. The price above is FOB Shenzhen with your "
    "logo and packaging, 3 % below your target. All the points you asked for are met; CE and "
    "ISO 9001 certificates are at hand, and a sample leaves within 3 days."
)
"""What the first shop writes in its own quotes."""
