"""The OpenAI Agents SDK in its default mode, and LangChain, over Responses: tools, streams, a handoff, structured output."""

import os
import unittest

# It would send each run to its makers' service.
os.environ["LANGSMITH_TRACING"] = "false"

import openai
from agents import Agent, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel
from support import ANSWER, MODEL, QUESTION, RULES, needs_rules, weather_tool

set_tracing_disabled(True)


class Point(BaseModel):
    x: int
    tags: list[str]


@needs_rules
class OpenAiAgents(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        client = openai.AsyncOpenAI(base_url=RULES, max_retries=0, timeout=30)
        self.addAsyncCleanup(client.close)
        # What an agent gets where no model is stated, with this test's client.
        self.model = OpenAIResponsesModel(model=MODEL, openai_client=client)
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

    async def test_structured_output(self):
        agent = Agent(name="plotter", model=self.model, output_type=Point)
        self.assertIsInstance((await Runner.run(agent, "A point, please.")).final_output, Point)


@needs_rules
class LangChain(unittest.TestCase):
    def setUp(self):
        self.cities = []
        self.model = ChatOpenAI(model=MODEL, base_url=RULES, use_responses_api=True, max_retries=0, timeout=30)

        self.agent = create_agent(self.model, [tool(weather_tool(self.cities))])

    def test_the_loop(self):
        messages = self.agent.invoke({"messages": [("user", QUESTION)]})["messages"]
        self.assertEqual([type(message) for message in messages[1:]], [AIMessage, ToolMessage, AIMessage])
        [call] = messages[1].tool_calls
        self.assertEqual((call["args"], messages[2].tool_call_id), ({"city": "Paris"}, call["id"]))
        self.assertEqual((messages[3].text, self.cities), (ANSWER, ["Paris"]))
        self.assertGreater(messages[3].usage_metadata["output_tokens"], 0)

    def test_the_loop_streamed(self):
        stream = self.agent.stream({"messages": [("user", QUESTION)]}, stream_mode="messages")
        texts = [chunk.text for chunk, _ in stream if isinstance(chunk, AIMessageChunk) and chunk.text]
        self.assertEqual(("".join(texts), self.cities), (ANSWER, ["Paris"]))
        self.assertGreater(len(texts), 2)

    def test_structured_output(self):
        self.assertIsInstance(self.model.with_structured_output(Point).invoke("A point, please."), Point)
