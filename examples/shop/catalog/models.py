"""What the shop sells, and what was ordered."""

from django.db import models


class Product(models.Model):
    name = models.CharField(max_length=100, unique=True)
    price = models.DecimalField(max_digits=8, decimal_places=2)


class Order(models.Model):
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    ordered = models.DateTimeField(auto_now_add=True)
    shipped = models.DateTimeField(null=True)
