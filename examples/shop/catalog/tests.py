from unittest.mock import patch

from django.test import TestCase

from catalog.models import Order, Product


class Ordering(TestCase):
    def test_an_order_is_kept_and_queued(self):
        product = Product.objects.get(name="Teapot")
        with patch("catalog.queue.push") as push, self.captureOnCommitCallbacks(execute=True):
            self.client.post(f"/orders/{product.pk}")
        order = Order.objects.get()
        self.assertEqual(order.product, product)
        push.assert_called_once_with(order.pk)
