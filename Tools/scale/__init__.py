"""How much of what an installation needs: figures that were measured, and what follows from them for other sizes."""
