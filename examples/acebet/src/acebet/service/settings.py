"""What the service is told from outside: environment variables, each with `ACEBET_` before it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AnyHttpUrl, DirectoryPath, Field, FilePath, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """All settings; those without a default must be set, or the service does not start.

    Attributes:
        secret_key: Signs tokens; as long as HS256 wants it, at least (RFC 7518 section 3.2).
        users: Who may come in; `acebet user add` writes it.
        model_url: Where `holdfast serve` answers.
        model_key: What it wants to be shown, where it was given `--api-key-file`.
        data: A folder with the matches; without it they are downloaded.
        proxies: Addresses or networks whose `X-Forwarded-For` is believed, with commas between.
    """

    # Whatever is wrong with a value, the value is not said.
    model_config = SettingsConfigDict(env_prefix="ACEBET_", frozen=True, hide_input_in_errors=True)

    secret_key: Annotated[SecretStr, Field(min_length=32)]
    users: FilePath = Path("users.json")
    model_url: AnyHttpUrl = AnyHttpUrl("http://127.0.0.1:8000")
    model_key: SecretStr | None = None
    data: DirectoryPath | None = None
    proxies: Annotated[tuple[str, ...], NoDecode] = ()

    @field_validator("proxies", mode="before")
    @classmethod
    def _split(cls, given: Any) -> Any:
        return [one.strip() for one in given.split(",")] if isinstance(given, str) else given
