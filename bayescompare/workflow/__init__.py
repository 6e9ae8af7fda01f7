"""The one place that asks: it runs the methods, hands plain arrays to ``metrics``, and labels what comes back."""
