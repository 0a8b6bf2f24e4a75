"""The coding agents: the package, the configuration, and the command of each.

A `Job` has the URL of the gateway and the directories that the agent may write to. Each function writes the agent's
configuration into `job.home` and returns its command and the environment it needs in addition to `HOME` and `PATH`.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

TASK = "Write the word hello to the file hello.txt in the current directory."


@dataclass
class Job:
    """One task of one agent."""

    # The gateway's URL without a path.
    gateway: str
    key: str
    model: str
    # The maximum number of output tokens.
    most: int
    # The agent's home directory.
    home: Path
    # The directory the agent works in.
    work: Path
    # The folder with the programs of npm packages.
    programs: Path

    def program(self, name):
        return self.programs / name

    def write(self, path, content):
        """Writes a configuration file below the agent's home."""
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))


@dataclass
class Agent:
    """A coding agent from npm."""

    package: str
    version: str
    # The API it uses.
    api: str
    model: str
    command: Callable[[Job], tuple[list, dict]]


def opencode(job):
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Portcullis",
        "options": {"baseURL": f"{job.gateway}/v1", "apiKey": job.key},
        "models": {job.model: {"limit": {"context": 32_768, "output": job.most}}},
    }
    model = f"portcullis/{job.model}"
    config = {
        "provider": {"portcullis": provider}, "model": model, "small_model": model, "autoupdate": False,
        "share": "disabled",
    }
    job.write(".config/opencode/opencode.json", config)
    # Otherwise it fetches a list of models, and plugins.
    environment = {
        "OPENCODE_DISABLE_MODELS_FETCH": "1", "OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
    }
    return [job.program("opencode"), "run", "--model", model, TASK], environment


def qwen_code(job):
    job.write(".qwen/settings.json", {"model": {"generationConfig": {"samplingParams": {"max_tokens": job.most}}}})
    environment = {
        "OPENAI_API_KEY": job.key, "OPENAI_BASE_URL": f"{job.gateway}/v1", "OPENAI_MODEL": job.model,
        "QWEN_CODE_SUPPRESS_YOLO_WARNING": "1",
    }
    return [job.program("qwen"), "--auth-type", "openai", "--yolo", TASK], environment


def pi(job):
    provider = {
        "baseUrl": f"{job.gateway}/v1", "api": "openai-completions", "apiKey": job.key,
        "models": [{"id": job.model, "maxTokens": job.most}],
    }
    job.write(".pi/agent/models.json", {"providers": {"portcullis": provider}})
    options = ["--offline", "--no-session", "--provider", "portcullis", "--model", job.model]
    return [job.program("pi"), *options, "--print", TASK], {}


def cline(job):
    settings = {
        "provider": "openai-compatible", "apiKey": job.key, "model": job.model, "baseUrl": f"{job.gateway}/v1",
    }
    provider = {"settings": settings, "updatedAt": "2026-11-28T00:00:00.000Z", "tokenSource": "manual"}
    providers = {"version": 1, "lastUsedProvider": "openai-compatible", "modes": {}}
    job.write("data/settings/providers.json", {**providers, "providers": {"openai-compatible": provider}})
    # Without a separate data directory it leaves a daemon behind.
    options = ["--data-dir", job.home / "data", "--provider", "openai-compatible", "--model", job.model]
    return [job.program("cline"), *options, TASK], {}


def codex(job):
    job.write(".codex/config.toml", f"""\
model = "{job.model}"
model_provider = "portcullis"

[model_providers.portcullis]
name = "Portcullis"
base_url = "{job.gateway}/v1"
env_key = "PORTCULLIS_KEY"
wire_api = "responses"
supports_websockets = true
""")
    # Its sandbox needs permissions that a container lacks; it works in a scratch folder.
    options = ["--skip-git-repo-check", "--sandbox", "danger-full-access"]
    return [job.program("codex"), "exec", *options, TASK], {"PORTCULLIS_KEY": job.key}


def claude(job):
    """The environment of Claude Code, which the Agent SDK starts too."""
    return {
        "ANTHROPIC_BASE_URL": job.gateway, "ANTHROPIC_API_KEY": job.key, "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1",
    }


def claude_code(job):
    options = ["--print", "--permission-mode", "acceptEdits", "--model", job.model]
    return [job.program("claude"), *options, TASK], claude(job)


def claude_agent_sdk(job):
    script = Path(__file__).with_name("agent-sdk.mjs")
    return ["node", script, job.programs.parent, job.model, TASK], claude(job)


AGENTS = {
    "opencode": Agent("opencode-ai", "1.18.33", "chat completions", "gpt-4o", opencode),
    "qwen-code": Agent("@qwen-code/qwen-code", "0.24.4", "chat completions", "gpt-4o", qwen_code),
    "pi": Agent("@mariozechner/pi-coding-agent", "0.73.1", "chat completions", "gpt-4o", pi),
    "cline": Agent("cline", "3.0.65", "chat completions", "gpt-4o", cline),
    "codex": Agent("@openai/codex", "0.171.0", "responses", "gpt-5.5", codex),
    "claude-code": Agent("@anthropic-ai/claude-code", "2.1.332", "messages", "claude-sonnet-5-5", claude_code),
    "claude-agent-sdk": Agent(
        "@anthropic-ai/claude-agent-sdk", "0.3.332", "messages", "claude-sonnet-5-5", claude_agent_sdk,
    ),
}
