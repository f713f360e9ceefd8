"""How the pictures of the embedded model are judged: by a classifier, by colour, by edges, and by eye."""
