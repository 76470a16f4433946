"""The queue between the web process and the worker: a list of order ids in Redis."""

import redis
from django.conf import settings

KEY = "shop:orders"


def connect():
    return redis.Redis.from_url(settings.REDIS_URL, decode_responses=True)


def push(order_id):
    connect().rpush(KEY, order_id)
