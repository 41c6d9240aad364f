"""What runs the demos and shows them: their arguments and criteria, notebooks, and one page of all that they draw."""
