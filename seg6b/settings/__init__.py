"""Settings: the job as typed records. `load.py` is the last place that sees OmegaConf."""
