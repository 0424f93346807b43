"""Development-and-protection risk assessment (开发保护风险评估): kinds of risk, places, evidence, grades."""
