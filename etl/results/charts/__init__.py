"""Charts of metrics: what they show (chart, data) and how it is drawn (picture, page, spark)."""
