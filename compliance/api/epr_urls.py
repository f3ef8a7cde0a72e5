"""EPR over the API: overview, impact, traits, blocked trades."""

from django.urls import path

from compliance.api import epr

urlpatterns: list = [
    path("overview", epr.OverviewView.as_view(), name="overview"),
    path("products", epr.CoverProductList.as_view(), name="products"),
    path("impact", epr.ImpactView.as_view(), name="impact"),
    path(
        "certificates/<int:pk>/impact",
        epr.CertificateImpactView.as_view(),
        name="certificate-impact",
    ),
    path("traits", epr.TraitsList.as_view(), name="traits"),
    path("traits/categories", epr.TraitsCategoriesView.as_view(), name="traits-categories"),
    path("traits/products", epr.TraitsProductsView.as_view(), name="traits-products"),
    path("gate-blocks", epr.GateBlockList.as_view(), name="gate-blocks"),
]
