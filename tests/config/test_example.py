import re
from pathlib import Path

from pydantic import BaseModel

from providers import registry
from service.config import Config, SeedTable
from service.config_file import load_config
from service.config_table import model_in
from service.describe import describe_config

EXAMPLE = Path(__file__).parents[2] / "deploy/config/relaypilot.example.toml"


def with_secrets(text: str, directory: Path) -> Path:
    """Write the text as a configuration whose secret files are all there."""
    (directory / "secrets").mkdir()
    for name in re.findall(r'file = "secrets/([^"]+)"', text):
        key = name == "dkim.key"  # in base64 32 bytes, so a key for Ed25519
        (directory / "secrets" / name).write_text("A" * 43 + "=\n" if key else "s3cret-of-the-example\n")
        (directory / "secrets" / name).chmod(0o600)
    path = directory / "relaypilot.toml"
    path.write_text(text)
    return path


def test_the_example_is_what_the_models_say() -> None:
    assert EXAMPLE.read_text() == describe_config(), (
        "write it again: .venv/bin/relaypilot config describe > deploy/config/relaypilot.example.toml"
    )


def test_the_example_loads_and_shows_the_defaults(tmp_path: Path) -> None:
    config = load_config(with_secrets(EXAMPLE.read_text(), tmp_path), {})
    assert [settings.name for settings in config.provider] == list(registry.known_kinds())
    shown = EXAMPLE.read_text().split("[[provider]]")[0]
    opened = re.sub(r"^#(\w+ = .*)$", r"\1", shown, flags=re.MULTILINE)
    absent = r"^(group|listen|token|canary_to|control_host|url|receivers|server|dkim_\w+) = .*$"
    second = tmp_path / "second"
    second.mkdir()
    rest = EXAMPLE.read_text()[len(shown) :]
    again = load_config(with_secrets(re.sub(absent, "", opened, flags=re.MULTILINE) + rest, second), {})
    assert again.model_copy(update={"provider": (), "seed": ()}) == config.model_copy(
        update={"provider": (), "seed": ()}
    )


def test_the_example_loads_with_every_key_opened(tmp_path: Path) -> None:
    opened = re.sub(r"^#(?!ca_file|client_|auth|oauth_)(\w+ = .*)$", r"\1", EXAMPLE.read_text(), flags=re.MULTILINE)
    config = load_config(with_secrets(opened, tmp_path), {})
    assert config.api.listen == "127.0.0.1:8520"
    assert config.seed[0].junk == "Spamverdacht"


def test_every_key_has_a_description() -> None:
    models: list[type[BaseModel]] = [
        Config,
        SeedTable,
        *(registry.load(k).settings_model for k in registry.known_kinds()),
    ]
    models += [model for field in Config.model_fields.values() if (model := model_in(field)) is not None]
    bare = [
        f"{model.__name__}.{key}"
        for model in models
        for key, field in model.model_fields.items()
        if not field.description
    ]
    assert bare == []
