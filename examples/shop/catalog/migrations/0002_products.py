from django.db import migrations

PRODUCTS = {"Teapot": "24.00", "Kettle": "39.50", "Six cups": "18.90"}


def stock(apps, schema_editor):
    product = apps.get_model("catalog", "Product")
    product.objects.bulk_create(product(name=name, price=price) for name, price in PRODUCTS.items())


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]
    operations = [migrations.RunPython(stock, migrations.RunPython.noop)]
