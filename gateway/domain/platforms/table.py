"""The platforms there are, by their words in the configuration: a new one is a file and a line."""

from collections.abc import Mapping

from gateway.domain.platforms.copilot import COPILOT
from gateway.domain.platforms.openai import OPENAI
from gateway.domain.platforms.platform import Platform

PLATFORMS: Mapping[str, Platform] = {platform.name: platform for platform in (COPILOT, OPENAI)}
