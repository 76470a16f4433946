"""The shop's two pages."""

from django.db import transaction
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from catalog import queue
from catalog.models import Order, Product


def index(request):
    context = {
        "products": Product.objects.order_by("name"),
        "ordered": Order.objects.count(),
        "shipped": Order.objects.filter(shipped__isnull=False).count(),
    }
    return render(request, "index.html", context)


@require_POST
def order(request, product_id):
    product = get_object_or_404(Product, pk=product_id)
    with transaction.atomic():
        new = Order.objects.create(product=product)
        transaction.on_commit(lambda: queue.push(new.pk))
    return redirect("index")
