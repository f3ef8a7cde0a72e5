"""Pages of EPR: overview, impact, traits, blocked trades."""

urlpatterns: list = []
