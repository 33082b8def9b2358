"""Specs that must load and specs that must not; the bad ones say in comments what is wrong with them."""
