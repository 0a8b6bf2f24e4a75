"""instructor with rules: structured output by tools, by a JSON schema, and streamed partially."""

import os
import unittest

import instructor
import openai
from pydantic import BaseModel

MODEL = "gpt-4o"
RULES = os.environ["RULES_BASE_URL"]


class User(BaseModel):
    name: str
    age: int


class Instructor(unittest.TestCase):
    def create(self, mode, response_model, stream=False):
        client = openai.OpenAI(base_url=RULES, max_retries=0, timeout=30)
        self.addCleanup(client.close)
        messages = [{"role": "user", "content": "Jason is 25 years old."}]
        create = instructor.from_openai(client, mode=mode).chat.completions.create
        return create(model=MODEL, messages=messages, response_model=response_model, max_retries=0, stream=stream)

    def test_tools(self):
        self.assertIsInstance(self.create(instructor.Mode.TOOLS, User), User)

    def test_a_json_schema(self):
        self.assertIsInstance(self.create(instructor.Mode.JSON_SCHEMA, User), User)

    def test_a_partial_stream(self):
        parts = list(self.create(instructor.Mode.TOOLS, instructor.Partial[User], stream=True))
        self.assertIsInstance(parts[-1].age, int)
        self.assertGreater(len(parts), 2)
