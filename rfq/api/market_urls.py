"""The market over the API."""

urlpatterns: list = []
