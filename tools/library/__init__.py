"""What the four libraries share: indicators (指标库), operators (算子库), rules (规则库), models (模型库)."""
