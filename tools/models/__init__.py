"""The model library (模型库): named compositions of operators, rules, indicators and formulas."""
