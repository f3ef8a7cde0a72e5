"""Pages of EPR: overview, impact, traits, blocked trades."""

from django.urls import path

from compliance.views import gate_blocks, overview, traits

urlpatterns: list = [
    path("", overview.OverviewPage.as_view(), name="overview"),
    path("products/", overview.ProductsPage.as_view(), name="products"),
    path("impact/", overview.ImpactPage.as_view(), name="impact"),
    path(
        "certificates/<int:pk>/impact/",
        overview.CertificateImpactPage.as_view(),
        name="certificate-impact",
    ),
    path("traits/", traits.TraitsPage.as_view(), name="traits"),
    path("traits/<str:product_id>/", traits.ProductTraitsPage.as_view(), name="traits-product"),
    path("blocked/", gate_blocks.GateBlocksPage.as_view(), name="gate-blocks"),
    path("blocked/export/", gate_blocks.GateBlocksExport.as_view(), name="gate-blocks-export"),
]
