"""Azure's client of the SDK: deployments in the path, the key in `api-key`, and the path without a version."""

import os
import unittest

import openai
from support import MODEL, user

GATEWAY = os.environ["OPENAI_BASE_URL"].removesuffix("/v1")


class Azure(unittest.TestCase):
    def client(self, **options):
        key = os.environ["OPENAI_API_KEY"]
        options = {"azure_endpoint": GATEWAY, "api_version": "2024-10-21", "api_key": key, **options}
        client = openai.AzureOpenAI(max_retries=0, timeout=30, **options)
        self.addCleanup(client.close)
        return client

    def test_chat(self):
        answer = self.client().chat.completions.create(model=MODEL, messages=user("Hello there"))
        self.assertEqual((answer.choices[0].message.content, answer.model), ("Hello there", MODEL))

    def test_a_deployment_of_the_client(self):
        # The deployment is the model, also if the body has another one.
        client = self.client(azure_deployment="gpt-4o-mini")
        answer = client.chat.completions.create(model="gpt-4", messages=user("Hello there"))
        self.assertEqual(answer.model, "gpt-4o-mini")

    def test_streaming(self):
        stream = self.client().chat.completions.create(model=MODEL, messages=user("One two three"), stream=True)
        pieces = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
        self.assertEqual("".join(pieces), "One two three")

    @unittest.skipIf(os.environ.get("CHAINED"), "a gateway in front of an upstream forwards embeddings only from /v1")
    def test_embeddings(self):
        vectors = self.client().embeddings.create(model="text-embedding-3-small", input=["one"])
        self.assertEqual(len(vectors.data[0].embedding), 1536)

    def test_a_wrong_key(self):
        with self.assertRaises(openai.AuthenticationError):
            self.client(api_key="sk-0123456789abcdef").chat.completions.create(model=MODEL, messages=user("hi"))

    def test_the_path_without_a_version(self):
        client = openai.OpenAI(base_url=f"{GATEWAY}/openai/v1", max_retries=0, timeout=30)
        self.addCleanup(client.close)
        answer = client.chat.completions.create(model=MODEL, messages=user("Hello there"))
        self.assertEqual(answer.choices[0].message.content, "Hello there")
