"""From overrides to jobs, as the command line itself would compose them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from seg6b.errors import Seg6bError
from seg6b.settings.job import Job
from seg6b.settings.load import load_job


@dataclass(frozen=True, slots=True)
class Composer:
    """Composes under the command that is being run.

    Attributes:
        loader: Hydra's.
        master: the config of the command itself, Hydra's part included.
        made: jobs that were composed before; it takes a third of a second.
    """

    loader: ConfigLoader
    master: DictConfig
    made: dict[tuple[str, ...], Job] = field(default_factory=dict)

    @classmethod
    def here(cls) -> Composer:
        """The composer inside a job that Hydra runs."""
        return cls(GlobalHydra.instance().config_loader(), HydraConfig.instance().cfg)

    def config(self, overrides: Sequence[str], number: int = 0) -> DictConfig:
        """The whole config of one job, Hydra's part included."""
        config = self.loader.load_sweep_config(self.master, list(overrides))
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = number
        return config

    def job(self, overrides: Sequence[str]) -> Job:
        """The job that `overrides` compose to.

        Raises:
            Seg6bError: a value is refused; the hint says in which overrides.
        """
        if tuple(overrides) not in self.made:
            self.made[tuple(overrides)] = self._job(overrides)
        return self.made[tuple(overrides)]

    def _job(self, overrides: Sequence[str]) -> Job:
        config = self.config(overrides)
        before = HydraConfig.instance().cfg
        HydraConfig.instance().set_config(config)
        try:
            plain = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
            return load_job(plain, dict(config.hydra.runtime.choices))
        except Seg6bError as error:
            error.hint = f"{error.hint} It comes from {' '.join(overrides)}; nothing was run.".strip()
            raise
        finally:
            HydraConfig.instance().cfg = before
