"""双评价: carrying capacity and suitability of territory, as schemes, a configuration and a report."""
