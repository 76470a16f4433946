"""The site's addresses."""

from django.urls import path

from catalog import views

urlpatterns = [
    path("", views.index, name="index"),
    path("orders/<int:product_id>", views.order, name="order"),
]
