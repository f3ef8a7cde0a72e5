"""EPR over the API: overview, impact, traits, blocked trades."""

urlpatterns: list = []
