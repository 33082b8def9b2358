"""How results look to a person or to another program. The only room that knows colours."""
