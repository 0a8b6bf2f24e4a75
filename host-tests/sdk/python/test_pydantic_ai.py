"""Pydantic AI's agent with rules: tools, streams and structured output over chat completions."""

import asyncio
import unittest

from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from support import ANSWER, MODEL, QUESTION, RULES, needs_rules, weather_tool


class Point(BaseModel):
    x: int
    tags: list[str]


@needs_rules
class PydanticAi(unittest.TestCase):
    def setUp(self):
        self.model = OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=RULES))
        self.cities = []

    def weather_agent(self):
        return Agent(self.model, tools=[weather_tool(self.cities)])

    def test_the_loop(self):
        result = self.weather_agent().run_sync(QUESTION)
        self.assertEqual((result.output, self.cities), (ANSWER, ["Paris"]))
        self.assertEqual(len(result.all_messages()), 4)

    def test_the_loop_streamed(self):
        async def run():
            async with self.weather_agent().run_stream(QUESTION) as stream:
                return [piece async for piece in stream.stream_text(delta=True, debounce_by=None)]

        pieces = asyncio.run(run())
        self.assertEqual(("".join(pieces), self.cities), (ANSWER, ["Paris"]))
        self.assertGreater(len(pieces), 2)

    def test_structured_output(self):
        self.assertIsInstance(Agent(self.model, output_type=Point).run_sync("A point, please.").output, Point)
