"""Treatments: one file each, a change of one thing in a recipe, with what it may change and what it is for."""
