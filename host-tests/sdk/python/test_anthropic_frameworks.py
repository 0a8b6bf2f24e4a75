"""LangChain's Anthropic provider against rules: the loop with a tool, whole and streamed, thinking, structured output."""

import os
import unittest

# It would send each run to its makers' service.
os.environ["LANGSMITH_TRACING"] = "false"

from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel
from support import ANSWER, QUESTION, RULES, needs_one_hop, needs_rules, weather_tool

MODEL = "claude-sonnet-5-5"
MESSAGES = {"messages": [("user", QUESTION)]}


class Point(BaseModel):
    x: int
    tags: list[str]


@needs_rules
class LangChain(unittest.TestCase):
    def setUp(self):
        self.cities = []
        options = {"base_url": RULES.removesuffix("/v1"), "api_key": os.environ["OPENAI_API_KEY"], "max_retries": 0}
        self.model = ChatAnthropic(model=MODEL, timeout=30, max_tokens=4000, **options)

        self.agent = create_agent(self.model, [tool(weather_tool(self.cities))])

    def test_the_loop(self):
        messages = self.agent.invoke(MESSAGES)["messages"]
        self.assertEqual([type(message) for message in messages[1:]], [AIMessage, ToolMessage, AIMessage])
        [call] = messages[1].tool_calls
        self.assertEqual((call["args"], messages[2].tool_call_id), ({"city": "Paris"}, call["id"]))
        self.assertEqual((messages[3].text, self.cities), (ANSWER, ["Paris"]))
        self.assertGreater(messages[3].usage_metadata["output_tokens"], 0)

    def test_the_loop_streamed(self):
        stream = self.agent.stream(MESSAGES, stream_mode="messages")
        texts = [chunk.text for chunk, _ in stream if isinstance(chunk, AIMessageChunk) and chunk.text]
        self.assertEqual(("".join(texts), self.cities), (ANSWER, ["Paris"]))
        self.assertGreater(len(texts), 2)

    @needs_one_hop
    def test_thinking(self):
        model = self.model.model_copy(update={"model": "claude-sonnet-4-5", "thinking": {"type": "enabled", "budget_tokens": 1024}})
        answer = model.invoke("Hello")
        self.assertEqual([block["type"] for block in answer.content], ["thinking", "text"])
        again = model.invoke([("user", "Hello"), answer, ("user", "Again")])
        self.assertEqual(again.content[-1]["text"], "Again")

    def test_structured_output(self):
        self.assertIsInstance(self.model.with_structured_output(Point).invoke("A point, please."), Point)
