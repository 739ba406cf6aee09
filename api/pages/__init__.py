"""What is served for people: the documentation pages, what each problem means, the icon."""
