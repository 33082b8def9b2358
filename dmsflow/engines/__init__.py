"""Databases, one each: the only home of dialect differences."""
