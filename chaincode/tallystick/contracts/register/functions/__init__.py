"""The functions of the register, a part for each of its affairs."""
