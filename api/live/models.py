"""What can be listened to."""

from typing import Literal

#: The views that can be followed; each event holds what the question of that name answers.
View = Literal["overview", "product-interactions", "daily_sales", "top_customers", "product_metrics"]
