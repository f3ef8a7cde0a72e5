"""Routes of products; a product id is any text without a slash."""

from django.urls import path

from listings.api import products, shipping

urlpatterns = [
    path("products", products.ProductListView.as_view(), name="products"),
    path("products/bulk", products.ProductBulkView.as_view(), name="product-bulk"),
    path("products/<str:product_id>", products.ProductDetailView.as_view(), name="product"),
    path(
        "products/<str:product_id>/restore",
        products.ProductRestoreView.as_view(),
        name="product-restore",
    ),
    path(
        "products/<str:product_id>/publish",
        products.ProductPublishView.as_view(),
        name="product-publish",
    ),
    path(
        "products/<str:product_id>/off-shelf",
        products.ProductOffShelfView.as_view(),
        name="product-off-shelf",
    ),
    path(
        "products/<str:product_id>/duplicate",
        products.ProductDuplicateView.as_view(),
        name="product-duplicate",
    ),
    path(
        "products/<str:product_id>/revisions",
        products.ProductRevisionView.as_view(),
        name="product-revisions",
    ),
    path(
        "shipping-templates",
        shipping.ShippingTemplateListView.as_view(),
        name="shipping-templates",
    ),
    path(
        "shipping-templates/<int:pk>",
        shipping.ShippingTemplateView.as_view(),
        name="shipping-template",
    ),
]
