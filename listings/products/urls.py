"""Pages of products and shipping templates; a product id is any text without a slash."""

from django.urls import path

from listings.views import product_bulk, product_exchange, product_form, products, shipping

urlpatterns = [
    path("products/", products.ProductsPage.as_view(), name="products"),
    path("products/new/", product_form.ProductNewPage.as_view(), name="product-new"),
    path("products/bin/", products.RecycleBinPage.as_view(), name="product-bin"),
    path("products/bulk/", product_bulk.ProductBulkPage.as_view(), name="product-bulk"),
    path("products/bulk-delete/", products.ProductBulkDelete.as_view(), name="product-bulk-delete"),
    path("products/exchange/", product_exchange.ExchangePage.as_view(), name="product-exchange"),
    path("products/export/", product_exchange.ProductExport.as_view(), name="product-export"),
    path("products/template/", product_exchange.ProductTemplate.as_view(), name="product-template"),
    path("shipping/", shipping.ShippingTemplatesPage.as_view(), name="product-shipping"),
    path("shipping/new/", shipping.ShippingTemplatePage.as_view(), name="product-shipping-new"),
    path(
        "shipping/<int:pk>/", shipping.ShippingTemplatePage.as_view(), name="product-shipping-edit"
    ),
    path(
        "shipping/<int:pk>/delete/",
        shipping.ShippingTemplateDelete.as_view(),
        name="product-shipping-delete",
    ),
    path("product/<str:product_id>/", products.ProductPage.as_view(), name="product-detail"),
    path(
        "product/<str:product_id>/edit/",
        product_form.ProductEditPage.as_view(),
        name="product-edit",
    ),
    path(
        "product/<str:product_id>/history/",
        products.ProductHistoryPage.as_view(),
        name="product-history",
    ),
    path(
        "product/<str:product_id>/publish/",
        products.ProductPublish.as_view(),
        name="product-publish",
    ),
    path(
        "product/<str:product_id>/off-shelf/",
        products.ProductTakeOffShelf.as_view(),
        name="product-off-shelf",
    ),
    path(
        "product/<str:product_id>/duplicate/",
        products.ProductDuplicate.as_view(),
        name="product-duplicate",
    ),
    path(
        "product/<str:product_id>/delete/", products.ProductDelete.as_view(), name="product-delete"
    ),
    path(
        "product/<str:product_id>/restore/",
        products.ProductRestore.as_view(),
        name="product-restore",
    ),
]
