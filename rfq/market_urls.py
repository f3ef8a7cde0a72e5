"""Pages of the market."""

urlpatterns: list = []
