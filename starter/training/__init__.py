"""How the parts of the embedded model are trained."""
