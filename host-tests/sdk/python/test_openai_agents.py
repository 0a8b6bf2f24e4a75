"""The OpenAI Agents SDK over chat completions, with rules: tools, streams, a handoff and structured output."""

import unittest

import openai
from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled
from pydantic import BaseModel
from support import ANSWER, MODEL, QUESTION, RULES, needs_rules, weather_tool

# Otherwise it sends traces of each run to OpenAI.
set_tracing_disabled(True)


class Point(BaseModel):
    x: int
    tags: list[str]


@needs_rules
class OpenAiAgents(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        client = openai.AsyncOpenAI(base_url=RULES, max_retries=0, timeout=30)
        self.addAsyncCleanup(client.close)
        self.model = OpenAIChatCompletionsModel(model=MODEL, openai_client=client)
        self.cities = []

        self.forecaster = Agent(name="forecaster", model=self.model, tools=[function_tool(weather_tool(self.cities))])

    async def test_the_loop(self):
        result = await Runner.run(self.forecaster, QUESTION)
        self.assertEqual((result.final_output, self.cities), (ANSWER, ["Paris"]))

    async def test_the_loop_streamed(self):
        result = Runner.run_streamed(self.forecaster, QUESTION)
        kinds = [event.type async for event in result.stream_events()]
        self.assertEqual((result.final_output, self.cities), (ANSWER, ["Paris"]))
        self.assertGreater(kinds.count("raw_response_event"), 4)

    async def test_a_handoff(self):
        desk = Agent(name="desk", model=self.model, handoffs=[self.forecaster])
        result = await Runner.run(desk, "Ask the one who knows.")
        self.assertEqual(result.last_agent.name, "forecaster")
        self.assertIn("forecaster", result.final_output)

    async def test_structured_output(self):
        agent = Agent(name="plotter", model=self.model, output_type=Point)
        self.assertIsInstance((await Runner.run(agent, "A point, please.")).final_output, Point)
