"""The clients of the gateway, and values that all tests share.

OPENAI_BASE_URL and OPENAI_API_KEY, the SDK's own variables, are the URL and the key of the gateway.
FAULTY_BASE_URL, optional, is a gateway with the same key whose models fail, each in the way that its name describes.
RULES_BASE_URL, optional, is a gateway whose engine follows examples/agent-rules.json.
CHAINED, optional, is set if another gateway is in front of each.
"""

import asyncio
import os
import unittest

import openai

MODEL = "gpt-4o"
TEXT_MODEL = "gpt-3.5-turbo-instruct"


def client(**options) -> openai.OpenAI:
    """A client without retries by default."""
    return openai.OpenAI(**{"max_retries": 0, "timeout": 30, **options})


def async_client(**options) -> openai.AsyncOpenAI:
    """The same, for asyncio."""
    return openai.AsyncOpenAI(**{"max_retries": 0, "timeout": 30, **options})


def user(text: str) -> list:
    """A conversation of one message, which the engine echoes."""
    return [{"role": "user", "content": text}]


FAULTY = os.environ.get("FAULTY_BASE_URL")

needs_faults = unittest.skipUnless(FAULTY, "FAULTY_BASE_URL names no gateway whose upstreams fail")

RULES = os.environ.get("RULES_BASE_URL")

needs_rules = unittest.skipUnless(RULES, "RULES_BASE_URL names no gateway that follows the rules")

needs_one_hop = unittest.skipIf(os.environ.get("CHAINED"), "the gateway in front reports broken connections as errors")


def faulty_client(**options) -> openai.OpenAI:
    """A client of the gateway whose models fail."""
    return client(base_url=FAULTY, **options)


QUESTION = "How is the weather?"

# What the rules answer to the question once the tool has answered.
ANSWER = "It is 18 degrees in Paris."


def weather_tool(cities: list):
    """The function that the rules call, which adds each city to a list. A framework makes it a tool of its own."""

    def get_weather(city: str) -> str:
        """The weather of a city."""
        cities.append(city)
        return "18 degrees"

    return get_weather


def function(name: str, **properties) -> dict:
    """A function tool with these parameters, all required."""
    parameters = {
        "type": "object", "properties": properties, "required": list(properties), "additionalProperties": False,
    }
    return {"type": "function", "function": {"name": name, "strict": True, "parameters": parameters}}


class Sync(unittest.TestCase):
    """Tests that have a client."""

    def setUp(self):
        self.client = client()
        self.addCleanup(self.client.close)

    def well(self):
        """Asserts that the same client, possibly on the same connection, still works."""
        answer = self.client.chat.completions.create(model=MODEL, messages=user("Still there?"))
        self.assertEqual(answer.choices[0].message.content, "Still there?")


class Async(unittest.IsolatedAsyncioTestCase):
    """Tests that have an asyncio client."""

    async def asyncSetUp(self):
        # unittest enables the debug mode of the loop, which reports every slow callback.
        asyncio.get_running_loop().slow_callback_duration = float("inf")
        self.client = async_client()
        self.addAsyncCleanup(self.client.close)
