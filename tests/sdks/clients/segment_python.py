"""PyPI segment-analytics-python. Arguments: address, write key, user, visitor."""

import sys

from segment.analytics.client import Client

host, key, user, visitor = sys.argv[1:]
failures = []
client = Client(key, host=host, gzip=True, on_error=lambda error, items: failures.append(error), max_retries=5)
traits = {"firstName": "Erika", "lastName": "Muster", "email": f"{user}@example.org"}
client.identify(user_id=user, anonymous_id=visitor, traits=traits)
client.track(user_id=user, event="Order Completed", properties={"total": 129.9, "products": [{"sku": "TS"}]})
client.page(user_id=user, name="Home", properties={"url": "https://shop.example/"})
client.screen(user_id=user, name="Basket")
client.group(user_id=user, group_id="club", traits={"plan": "gold"})
client.alias(previous_id=f"{visitor}-before", user_id=user)
client.flush()
client.join()
sys.exit(repr(failures) if failures else 0)
