"""What the embedded model is trained on: drawings under open licences, composed into scenes with captions."""
