"""TIFF: stacks as folders of slices and as files of many pages, and what microscopes say in them."""
