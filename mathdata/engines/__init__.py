"""Where kernels run: local or ray."""
