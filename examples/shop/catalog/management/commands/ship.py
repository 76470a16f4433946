"""The worker: takes orders from the queue and ships them."""

import logging

from django.core.management.base import BaseCommand
from django.utils import timezone

from catalog import queue
from catalog.models import Order

log = logging.getLogger("catalog.ship")


class Command(BaseCommand):
    help = "ships what was ordered, for ever"

    def handle(self, *args, **options):
        connection = queue.connect()
        log.info("waiting for orders")
        while True:
            order_id = connection.blpop([queue.KEY], timeout=0)[1]
            shipped = Order.objects.filter(pk=order_id, shipped=None).update(shipped=timezone.now())
            if shipped:
                log.info("order %s shipped", order_id)
            else:
                log.error("order %s is not there", order_id)
