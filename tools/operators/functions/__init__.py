"""The functions of the operators, by what they work on."""
