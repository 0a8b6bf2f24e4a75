"""LangChain's agent loop with rules: it calls the tool, sends the result, and ends with a text."""

import os
import unittest

# Prevents traces to LangSmith, which the environment can enable.
os.environ["LANGSMITH_TRACING"] = "false"

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel
from support import ANSWER, MODEL, QUESTION, RULES, needs_rules, weather_tool

MESSAGES = {"messages": [("user", QUESTION)]}


@needs_rules
class Agent(unittest.TestCase):
    def setUp(self):
        self.cities = []
        self.model = ChatOpenAI(model=MODEL, base_url=RULES, max_retries=0, timeout=30)

        self.agent = create_agent(self.model, [tool(weather_tool(self.cities))])

    def test_the_loop(self):
        messages = self.agent.invoke(MESSAGES)["messages"]
        self.assertEqual(self.cities, ["Paris"])
        self.assertEqual([type(message) for message in messages[1:]], [AIMessage, ToolMessage, AIMessage])
        [call] = messages[1].tool_calls
        self.assertEqual((call["name"], call["args"]), ("get_weather", {"city": "Paris"}))
        self.assertEqual(messages[2].tool_call_id, call["id"])
        self.assertEqual(messages[3].content, ANSWER)
        self.assertEqual(messages[3].response_metadata["finish_reason"], "stop")
        self.assertGreater(messages[3].usage_metadata["input_tokens"], messages[1].usage_metadata["input_tokens"])

    def test_the_loop_streamed(self):
        chunks = [chunk for chunk, _ in self.agent.stream(MESSAGES, stream_mode="messages")]
        self.assertEqual(self.cities, ["Paris"])
        pieces = [chunk.content for chunk in chunks if isinstance(chunk, AIMessageChunk) and chunk.content]
        self.assertEqual("".join(pieces), ANSWER)
        self.assertGreater(len(pieces), 2)

    def test_structured_output(self):
        class Point(BaseModel):
            x: int

        self.assertIsInstance(self.model.with_structured_output(Point).invoke("A point, please."), Point)


class Embeddings(unittest.TestCase):
    def test_texts(self):
        # Otherwise it fetches a vocabulary to count the tokens itself.
        embeddings = OpenAIEmbeddings(model="text-embedding-3-small", check_embedding_ctx_length=False)
        vectors = embeddings.embed_documents(["one", "two"])
        self.assertEqual([len(vector) for vector in vectors], [1536, 1536])
        self.assertEqual(embeddings.embed_query("one"), vectors[0])
