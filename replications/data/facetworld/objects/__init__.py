"""How each class is drawn, a file for every two or three classes."""
