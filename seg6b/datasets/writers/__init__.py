"""Writers: how the batches of a task become parts, one file a strategy of the knob `writer`."""
