"""TIFF: folders of slices, files of many pages, and what microscopes say in them."""
