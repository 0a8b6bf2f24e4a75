"""Pydantic AI's agent with rules: tools, streams and structured output over chat completions."""

import asyncio
import unittest

from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from support import MODEL, RULES, needs_rules

ANSWER = "It is 18 degrees in Paris."


class Point(BaseModel):
    x: int
    tags: list[str]


@needs_rules
class PydanticAi(unittest.TestCase):
    def setUp(self):
        self.model = OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=RULES))
        self.cities = []

    def weather_agent(self):
        agent = Agent(self.model)

        @agent.tool_plain
        def get_weather(city: str) -> str:
            """The weather of a city."""
            self.cities.append(city)
            return "18 degrees"

        return agent

    def test_the_loop(self):
        result = self.weather_agent().run_sync("How is the weather?")
        self.assertEqual((result.output, self.cities), (ANSWER, ["Paris"]))
        self.assertEqual(len(result.all_messages()), 4)

    def test_the_loop_streamed(self):
        async def run():
            async with self.weather_agent().run_stream("How is the weather?") as stream:
                return [piece async for piece in stream.stream_text(delta=True, debounce_by=None)]

        pieces = asyncio.run(run())
        self.assertEqual(("".join(pieces), self.cities), (ANSWER, ["Paris"]))
        self.assertGreater(len(pieces), 2)

    def test_structured_output(self):
        self.assertIsInstance(Agent(self.model, output_type=Point).run_sync("A point, please.").output, Point)
