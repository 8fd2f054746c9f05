"""The demo: two firms with six months of true history, made by the product's own code under the sandboxes' clock."""
