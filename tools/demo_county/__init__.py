"""A fictional county, made from a seed: every layer that the tools read, all of it 合成数据."""
